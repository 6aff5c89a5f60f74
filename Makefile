# Rollcall.  One file, not recursive; objects go to $(O), so variants do not mix.
#   make | make demo | make test | make lint | make san | make tsan | make bench | make fuzz
#   make faults [SEEDS=N SEED_BASE=M] | make faults-planted
#   make install [DESTDIR= PREFIX= ...] | make deb | make format FILES=... | make clean
.DEFAULT_GOAL := all
O ?= build
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
SYSCONFDIR ?= /etc
DATADIR ?= $(PREFIX)/share/rollcall
DOCDIR ?= $(PREFIX)/share/doc/rollcall
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= /lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
TMPFILESDIR ?= /usr/lib/tmpfiles.d
LIBEXECDIR ?= $(PREFIX)/lib/rollcall
# Where libpam looks for modules, whatever the prefix.
PAMDIR ?= /lib/$(shell $(CC) -print-multiarch)/security
DESTDIR ?=
CC ?= gcc
PKG_CONFIG ?= pkg-config
V ?=
Q := $(if $(V),,@)
comma := ,

VERSION := 0.1.0
WARN := -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN := -fstack-protector-strong -fPIE -fvisibility=hidden -fno-strict-aliasing -fstack-clash-protection
ifdef SAN
OPT := -O1 -g -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDHARDEN := -fsanitize=$(SAN)
override O := $(O)/san-$(subst $(comma),-,$(SAN))
else
OPT := -O2 -g -D_FORTIFY_SOURCE=2
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DROLLCALL_VERSION='"$(VERSION)"' -DROLLCALL_DATADIR='"$(DATADIR)"' -DROLLCALL_SYSCONFDIR='"$(SYSCONFDIR)"'
CFLAGS ?=
ALL_CFLAGS = -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(CFLAGS)

# Libraries: asked from pkg-config when something is first linked (the packages may have come a moment ago).
once = $(eval $(1) := $(2))$($(1))
pc = $(shell $(PKG_CONFIG) --libs $(1))
LIB_ldap = $(call once,LIB_ldap,$(call pc,ldap) -llber)
LIB_curl = $(call once,LIB_curl,$(call pc,libcurl))
LIB_ssl = $(call once,LIB_ssl,$(call pc,openssl))
LIB_json = $(call once,LIB_json,$(call pc,libcjson))
LIB_conf = $(call once,LIB_conf,$(call pc,libconfig))
LIB_sqlite = $(call once,LIB_sqlite,$(call pc,sqlite3))
LIB_http = $(call once,LIB_http,$(call pc,libmicrohttpd))
LIB_cmocka = $(call once,LIB_cmocka,$(call pc,cmocka))
# Optional: without it rollcalld does not tell the service manager when it is ready.
HAVE_SYSTEMD = $(call once,HAVE_SYSTEMD,$(shell $(PKG_CONFIG) --exists libsystemd && echo -DHAVE_SYSTEMD))
LIB_systemd = $(call once,LIB_systemd,$(if $(HAVE_SYSTEMD),$(call pc,libsystemd)))

# A file that is written only when its text is another: what was built with other words is built anew.
same = $(and $(findstring x$(1)x,x$(2)x),$(findstring x$(2)x,x$(1)x))
remember = $(if $(call same,$(strip $(2)),$(strip $(file <$(1)))),,$(shell mkdir -p $(dir $(1)))$(file >$(1),$(strip $(2))))
ifneq ($(MAKECMDGOALS),clean)
$(call remember,$(O)/flags,$(CC) $(CPPFLAGS) $(ALL_CFLAGS))
endif

# The rooms.  Every .c belongs to the archive of its folder; the programs' main files stand alone.
MAINS := hook/rollcalld.c hook/rollcall.c cloud/emulator/main.c cloud/emulator/httpd.c
src = $(filter-out $(MAINS),$(wildcard $(1)))
SRC_common := $(call src,common/*.c)
SRC_ldap := $(call src,ldap/*.c)
SRC_cloud := $(call src,cloud/*.c cloud/drivers/*.c)
SRC_emulator := $(call src,cloud/emulator/*.c)
SRC_cam := $(call src,policies/cam/*.c)
SRC_policies := $(call src,policies/*.c)
SRC_hook := $(call src,hook/*.c hook/store/*.c)
SRC_support := $(wildcard tests/support/*.c)
SRC_vfs := $(wildcard tests/vfs/*.c)
ROOMS := hook policies cloud cam ldap common emulator vfs support

# Two builds of each room: the release one, and one with fail points for the tests.
obj = $(patsubst %.c,$(O)/$(1)/%.o,$(2))
define room_rules
$(O)/rel/$(1).a: $(call obj,rel,$(SRC_$(1))) $(O)/rooms/$(1)
$(O)/fp/$(1).a: $(call obj,fp,$(SRC_$(1))) $(O)/rooms/$(1)
ifneq ($(MAKECMDGOALS),clean)
$$(call remember,$(O)/rooms/$(1),$(SRC_$(1)))
endif
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))
$(O)/%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@; ar rcs $@ $(filter %.o,$^)
$(O)/rel/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  cc   $<")
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/fp/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  cc   $< (fail points)")
	$(Q)$(CC) $(CPPFLAGS) -DROLLCALL_FAILPOINTS $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/rel/hook/notify.o $(O)/fp/hook/notify.o: CFLAGS += $(HAVE_SYSTEMD)

archives = $(foreach r,$(2),$(O)/$(1)/$(r).a)
LIBS_daemon = $(LIB_ldap) $(LIB_curl) $(LIB_ssl) $(LIB_json) $(LIB_conf) $(LIB_sqlite) $(LIB_systemd) -lpthread
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

# The PAM module: the wire and libpam, and no symbol outside but pam_sm_*.
SRC_pam := $(wildcard hook/pam/*.c)
$(O)/pam/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo "  cc   $< (module)")
	$(Q)$(CC) $(CPPFLAGS) $(subst -fPIE,-fPIC,$(ALL_CFLAGS)) -MMD -MP -c -o $@ $<
$(O)/pam_rollcall.so: $(patsubst %.c,$(O)/pam/%.o,$(SRC_pam) hook/wire.c)
	$(if $(V),,@echo "  ld   $@")
	$(Q)$(CC) $(subst -fPIE,-fPIC,$(ALL_CFLAGS)) $(filter-out -pie,$(LDHARDEN)) $(LDFLAGS) -shared -Wl,-z,defs -o $@ $^ -lpam

PROGRAMS := rollcalld rollcall rollcall-emulator
.PHONY: all fp have-packages
all: have-packages $(addprefix $(O)/rel/,$(PROGRAMS)) $(O)/pam_rollcall.so
fp: $(addprefix $(O)/fp/,$(PROGRAMS))
have-packages:
	@$(PKG_CONFIG) --exists ldap libcurl openssl libcjson libconfig sqlite3 libmicrohttpd || \
		{ echo "Libraries are missing.  On Debian: etc/install-deps.sh build" >&2; exit 1; }

# Unit tests: one program per tests/unit/ROOM/test_*.c.  Stories: all of tests/story/*.c is one program.
# Both are linked with the rooms that have fail points, and with what tests share (tests/support, tests/vfs).
UNIT_BIN := $(patsubst %.c,$(O)/fp/%,$(wildcard tests/unit/*/test_*.c))
STORY_SRC := $(wildcard tests/story/*.c)
STORY_BIN := $(if $(STORY_SRC),$(O)/fp/tests/story/stories)
TEST_ARCHIVES := $(call archives,fp,vfs support $(DAEMON_ROOMS) emulator)
$(O)/fp/tests/unit/%: $(O)/fp/tests/unit/%.o $(TEST_ARCHIVES)
	$(link) $(LIB_cmocka) $(LIBS_daemon) $(if $(findstring /unit/pam/,$@),-lpam)
$(filter $(O)/fp/tests/unit/pam/%,$(UNIT_BIN)): $(O)/pam_rollcall.so
$(O)/fp/tests/story/stories: $(call obj,fp,$(STORY_SRC)) $(TEST_ARCHIVES)
	$(link) $(LIBS_daemon)
.PHONY: units unit-% stories
units: $(UNIT_BIN)
stories: $(STORY_BIN)
unit-%: ; @$(MAKE) --no-print-directory $(patsubst %.c,$(O)/fp/%,$(wildcard tests/unit/$*/test_*.c))

# What follows installs the packages it needs first, then calls make again, which may then ask pkg-config.
AGAIN = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
INSTALL_DEPS := etc/install-deps.sh
ASAN := address,undefined
.PHONY: demo test san tsan bench lint tidy fuzz
demo:
	@$(INSTALL_DEPS) build demo
	@$(AGAIN) all
	@O=$(abspath $(O)) KEEP=$(KEEP) tests/demo/demo.sh

# The whole suite; ONLY="unit/cloud e2e" runs those suites whose names begin so.
test:
	@$(INSTALL_DEPS) build test
	@$(AGAIN) all fp units stories
	@$(AGAIN) SAN=$(ASAN) units stories
	@O=$(abspath $(O)) tests/run $(or $(ONLY),lint unit golden e2e story san)

san:
	@$(INSTALL_DEPS) build test
	@$(AGAIN) SAN=$(ASAN) fp units stories
	@O=$(abspath $(O))/san-address-undefined tests/run $(or $(ONLY),unit story e2e)

tsan:
	@$(INSTALL_DEPS) build test
	@$(AGAIN) SAN=thread fp units stories
	@O=$(abspath $(O))/san-thread tests/run $(or $(ONLY),unit story e2e)

# Seeded stories with faults, as many as fit the time; what they must find.
SEEDS ?= 1000
SEED_BASE ?= 1
.PHONY: faults faults-planted
faults faults-planted:
	@$(INSTALL_DEPS) build test
	@$(AGAIN) stories
	@$(STORY_BIN) $(if $(filter %-planted,$@),--planted,--stories $(SEEDS) --seed-base $(SEED_BASE) --points)

bench:
	@$(INSTALL_DEPS) build test
	@$(AGAIN) all fp $(O)/bench/pam
	@O=$(abspath $(O)) tests/bench/run
	@O=$(abspath $(O)) tests/bench/lanes
	@O=$(abspath $(O)) tests/bench/login
$(O)/bench/pam: tests/bench/pam.c $(O)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $< -lpam

# clang-tidy one stamp per source, so that only what changed is looked at again.
TIDY_SRC := $(foreach r,$(ROOMS),$(SRC_$(r))) $(wildcard $(MAINS)) $(SRC_pam) $(wildcard tests/unit/*/*.c tests/story/*.c)
$(O)/tidy/%: %.c $(O)/fp/%.o .clang-tidy tests/lint/analyzer.h
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=gnu17 $(CPPFLAGS) -DROLLCALL_FAILPOINTS \
		$(if $(filter common/err.c common/mem.c,$<),,-include tests/lint/analyzer.h) >$@.log 2>&1 && touch $@ || \
		{ sed 's|$(CURDIR)/||' $@.log; exit 1; }
tidy: $(patsubst %.c,$(O)/tidy/%,$(TIDY_SRC))

lint:
	@$(INSTALL_DEPS) build lint
	@O=$(abspath $(O)) tests/run lint deep

# FUZZ_SECONDS for each target; findings stay in $(O)/fuzz.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_SECONDS ?= 60
fuzz:
ifeq ($(FUZZ_SRC),)
	@echo "fuzz: no targets (tests/fuzz/fuzz_*.c)"
else
	@$(INSTALL_DEPS) build fuzz
	@$(AGAIN) CC=clang SAN=fuzzer-no-link,$(ASAN) fuzzers
	@O=$(abspath $(O)) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run
endif
FUZZ_BIN := $(patsubst %.c,$(O)/fp/%,$(FUZZ_SRC))
.PHONY: fuzzers
fuzzers: $(FUZZ_BIN)
$(FUZZ_BIN): $(O)/fp/tests/fuzz/%: $(O)/fp/tests/fuzz/%.o $(TEST_ARCHIVES)
	$(link) -fsanitize=fuzzer $(LIBS_daemon)

# Never overwrites settings that are there; the sample always comes along.
INSTALL := install
inst = $(if $(strip $(2)),$(INSTALL) -d $(DESTDIR)$(3) && $(INSTALL) -m $(1) $(2) $(DESTDIR)$(3)/,true)
place = sed -e 's|/usr/sbin/|$(SBINDIR)/|g' -e 's|/etc/rollcall|$(SYSCONFDIR)/rollcall|g' \
	-e 's|/usr/share/rollcall|$(DATADIR)|g' -e 's|/usr/lib/rollcall/|$(LIBEXECDIR)/|g' \
	$(if $(HAVE_SYSTEMD),,-e 's|^Type=notify|Type=exec|')
UNITS := rollcalld.service rollcall-kick.path rollcall-kick.service
SETTINGS := $(DESTDIR)$(SYSCONFDIR)/rollcall/rollcall.conf
.PHONY: install deb
install: all
	$(Q)$(call inst,755,$(O)/rel/rollcall $(O)/rel/rollcall-emulator,$(BINDIR))
	$(Q)$(call inst,755,$(O)/rel/rollcalld,$(SBINDIR))
	$(Q)$(call inst,644,$(O)/pam_rollcall.so,$(PAMDIR))
	$(Q)$(call inst,755,etc/rollcall-kick,$(LIBEXECDIR))
	$(Q)$(call inst,644,$(wildcard etc/pam/*),$(DATADIR)/pam)
	$(Q)$(call inst,644,$(wildcard policies/templates/*),$(DATADIR)/policies)
	$(Q)$(call inst,644,$(wildcard etc/agent/*),$(DATADIR)/agent)
	$(Q)$(call inst,644,$(wildcard etc/schema/*),$(DATADIR)/schema)
	$(Q)$(call inst,644,$(wildcard etc/acl/*),$(DATADIR)/acl)
	$(Q)$(place) etc/rollcall.conf.sample >$(DESTDIR)$(DATADIR)/rollcall.conf.sample
	$(Q)chmod 644 $(DESTDIR)$(DATADIR)/rollcall.conf.sample
	$(Q)$(call inst,644,README.md CHANGELOG.md ARCHITECTURE.md LICENSE,$(DOCDIR))
	$(Q)$(foreach s,1 5 8,$(call inst,644,$(wildcard etc/man/*.$(s)),$(MANDIR)/man$(s));)
	$(Q)$(call inst,644,etc/sysusers.d/rollcall.conf,$(SYSUSERSDIR))
	$(Q)$(call inst,644,etc/tmpfiles.d/rollcall.conf,$(TMPFILESDIR))
	$(Q)$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	$(Q)$(foreach u,$(UNITS),$(place) etc/$(u) >$(DESTDIR)$(UNITDIR)/$(u) && chmod 644 $(DESTDIR)$(UNITDIR)/$(u) &&) true
	$(Q)$(INSTALL) -d $(dir $(SETTINGS))
	$(Q)test -e $(SETTINGS) || $(INSTALL) -m 640 $(DESTDIR)$(DATADIR)/rollcall.conf.sample $(SETTINGS)

deb:
	@$(INSTALL_DEPS) build
	@$(AGAIN) O=$(O)/deb PREFIX=/usr SYSCONFDIR=/etc all
	@etc/make-deb.sh $(VERSION) $(O)/deb $(MAKE) --no-print-directory O=$(O)/deb PREFIX=/usr SYSCONFDIR=/etc

.PHONY: clean format
format:
	@test -n "$(FILES)" || { echo "make format FILES=\"...\"" >&2; exit 2; }
	clang-format -i $(FILES)
clean: ; rm -rf $(O)
.SECONDARY:
-include $(shell find $(O)/rel $(O)/fp $(O)/pam -name '*.d' 2>/dev/null)
