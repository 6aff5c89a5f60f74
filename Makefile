# Rollcall.  One file, not recursive; objects go to $(O), so variants do not mix.
#   make | make demo | make test | make lint | make san | make bench | make fuzz | make install | make deb
.DEFAULT_GOAL := all
O ?= build
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
LIBDIR ?= $(PREFIX)/lib
PAMDIR ?= /lib/security
UNITDIR ?= /lib/systemd/system
DATADIR ?= $(PREFIX)/share/rollcall
DESTDIR ?=
CC ?= gcc
PKG_CONFIG ?= pkg-config
V ?=
Q := $(if $(V),,@)

VERSION := 0.1.0
WARN := -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN := -fstack-protector-strong -fPIE -fvisibility=hidden -fno-strict-aliasing -fstack-clash-protection
ifdef SAN
OPT := -O1 -g -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDHARDEN := -fsanitize=$(SAN)
O := $(O)/san-$(subst $(shell printf ','),-,$(SAN))
else
OPT := -O2 -g -D_FORTIFY_SOURCE=2
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DROLLCALL_VERSION='"$(VERSION)"' -DROLLCALL_DATADIR='"$(DATADIR)"' -DROLLCALL_SYSCONFDIR='"$(SYSCONFDIR)"'
CFLAGS ?=
ALL_CFLAGS = -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(CFLAGS)

# Libraries: asked from pkg-config only when something is linked, one variable each.
pc = $(shell $(PKG_CONFIG) --libs $(1))
LIB_ldap = $(call pc,ldap) -llber
LIB_curl = $(call pc,libcurl)
LIB_ssl = $(call pc,openssl)
LIB_json = $(call pc,libcjson)
LIB_conf = $(call pc,libconfig)
LIB_sqlite = $(call pc,sqlite3)
LIB_http = $(call pc,libmicrohttpd)
LIB_cmocka = $(call pc,cmocka)

# The rooms.  Every .c belongs to the archive of its folder; the programs' main files stand alone.
MAINS := hook/rollcalld.c hook/rollcall.c cloud/emulator/main.c cloud/emulator/httpd.c hook/pam_rollcall.c
src = $(filter-out $(MAINS),$(wildcard $(1)))
SRC_common := $(call src,common/*.c)
SRC_ldap := $(call src,ldap/*.c)
SRC_cloud := $(call src,cloud/*.c cloud/drivers/*.c)
SRC_emulator := $(call src,cloud/emulator/*.c)
SRC_cam := $(call src,policies/cam/*.c)
SRC_policies := $(call src,policies/*.c)
SRC_hook := $(call src,hook/*.c hook/store/*.c)
ROOMS := hook policies cloud cam ldap common emulator

# Two builds of each room: the release one, and one with fail points for the tests.
obj = $(patsubst %.c,$(O)/$(1)/%.o,$(2))
define room_rules
$(O)/rel/$(1).a: $(call obj,rel,$(SRC_$(1)))
$(O)/fp/$(1).a: $(call obj,fp,$(SRC_$(1)))
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))
$(O)/%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@; ar rcs $@ $^
$(O)/rel/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  cc   $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/fp/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  cc   $< (fail points)")
	$(Q)$(CC) $(CPPFLAGS) -DROLLCALL_FAILPOINTS $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

archives = $(foreach r,$(2),$(O)/$(1)/$(r).a)
LIBS_daemon = $(LIB_ldap) $(LIB_curl) $(LIB_ssl) $(LIB_json) $(LIB_conf) $(LIB_sqlite) -lpthread
link = $(if $(V),,@echo "  ld   $@";)$(CC) $(ALL_CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

DAEMON_ROOMS := hook policies cloud cam ldap common
define programs
$(O)/$(1)/rollcalld: $(O)/$(1)/hook/rollcalld.o $(call archives,$(1),$(DAEMON_ROOMS))
	$$(link) $$(LIBS_daemon)
$(O)/$(1)/rollcall: $(O)/$(1)/hook/rollcall.o $(call archives,$(1),hook cam common)
	$$(link) $$(LIB_ssl) $$(LIB_json) $$(LIB_conf) $$(LIB_sqlite) -lpthread
$(O)/$(1)/rollcall-emulator: $(O)/$(1)/cloud/emulator/main.o $(O)/$(1)/cloud/emulator/httpd.o $(call archives,$(1),emulator cloud cam common)
	$$(link) $$(LIB_http) $$(LIB_ssl) $$(LIB_json) -lpthread
endef
$(eval $(call programs,rel))
$(eval $(call programs,fp))

PROGRAMS := rollcalld rollcall rollcall-emulator
.PHONY: all
all: $(addprefix $(O)/rel/,$(PROGRAMS))

# Unit tests: one program per tests/unit/ROOM/test_*.c, against the rooms with fail points.
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN := $(patsubst %.c,$(O)/fp/%,$(UNIT_SRC))
$(O)/fp/tests/unit/%: $(O)/fp/tests/unit/%.o $(call archives,fp,$(DAEMON_ROOMS) emulator)
	$(link) $(LIB_cmocka) $(LIBS_daemon)
.PHONY: units unit-%
units: $(UNIT_BIN)
unit-%: ; @$(MAKE) --no-print-directory $(patsubst %.c,$(O)/fp/%,$(wildcard tests/unit/$*/test_*.c))

.PHONY: clean
clean: ; rm -rf $(O)
.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
