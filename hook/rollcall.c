/* The command's main: nothing of it may reach a core file, and every document is wiped. */
#include <locale.h>

#include "common/json.h"
#include "common/secret.h"
#include "hook/command.h"

int main(int argc, char **argv)
{
	bool warned;
	struct err e;
	if (secret_harden(false, &warned, &e)) {
		fprintf(stderr, "rollcall: %s\n", e.text);
		return COMMAND_REFUSED;
	}
	json_start();
	/* Only for the width of characters; numbers and messages stay as they are. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	return command_run(argc, argv, stdout, stderr);
}
