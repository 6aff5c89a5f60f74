#include "hook/kept.h"

#include <string.h>

#include "common/json.h"
#include "common/secret.h"
#include "common/str.h"

int kept_seal(const struct keeper *k, const char *uuid, uint64_t uin, const char *id, const struct secret *s, struct arena *a,
	unsigned char **der, size_t *n, struct err *e)
{
	struct json *o = json_object(a);
	json_put_text(o, "uuid", uuid);
	json_put_uint(o, "uin", uin);
	json_put_text(o, "id", id);
	json_put_text(o, "secret", secret_reveal(s, NULL));
	char *text = json_print(a, o);
	AUTO_SECRET struct secret *wrapped = secret_text(text);
	secret_wipe(text, strlen(text));
	struct seal_to *own = seal_key_recipient(k->own_key);
	int rc = seal(own, wrapped, a, der, n, e);
	seal_to_free(own);
	return rc;
}

int kept_open(const struct keeper *k, int64_t account_id, const char *uuid, uint64_t uin, enum secret_kind kind, const char *id,
	struct arena *a, struct secret **out, struct err *e)
{
	unsigned char *der;
	size_t n, len;
	uint64_t stored_uin;
	int rc = store_secret_get(k->store, account_id, kind, id, a, &der, &n, e);
	if (rc)
		return rc;
	AUTO_SECRET struct secret *wrapped = NULL;
	struct err inner;
	if (seal_open(k->own_key, der, n, &wrapped, &inner))
		return err_set(e, ERR_ABSENT, "the stored secret of \"%s\" cannot be opened: %s", id, inner.text);
	const char *text = secret_reveal(wrapped, &len);
	struct json *o;
	if (json_parse(a, text, len, &o, &inner))
		return err_set(e, ERR_ABSENT, "the stored secret of \"%s\" is unusable: %s", id, inner.text);
	const char *secret = json_text(o, "secret");
	/* A password is stored before there is a sub-account, and then bears no uin. */
	bool his = !json_uint(o, "uin", &stored_uin, &inner) && (stored_uin == uin || stored_uin == 0) &&
		str_eq(json_text(o, "uuid"), uuid) && str_eq(json_text(o, "id"), id);
	if (!secret || !his)
		return err_set(e, ERR_ABSENT, "the stored secret of \"%s\" belongs to somebody else", id);
	*out = secret_text(secret);
	return 0;
}
