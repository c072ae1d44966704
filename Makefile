# soporte: an nginx module for hosts of ERPNext.  "make help" says it all.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.SUFFIXES:

MAKEFLAGS   += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS   += -j$(shell nproc)
endif

ifeq ($(origin CC),default)
CC          := gcc
endif

NGINX_SRC   ?=
MODULE        ?= dynamic
UPSTREAM    ?=

source      := ngx_soporte_module

.PHONY: all
all: build/ngx_http_soporte_module.so  ## the module, for the installed nginx (NGINX_SRC=dir for another tree, CC=clang)

.PHONY: help
help:  ## this list
	@sed -nE 's/^([a-z0-9]+):.*  ## (.*)/\1\t\2/p' Makefile | sed 's/^all//' \
	    | awk -F '\t' '{ printf "make %-8s%s\n", $$1, $$2 }'

.PHONY: clean
clean:  ## removes build/
	rm -rf build


# packages of Debian by what needs them, looked for once a list

deps_build  := gcc libc6-dev nginx nginx-dev libpq-dev libjansson-dev \
               libhiredis-dev libmaxminddb-dev libssl-dev
deps_run    := perl libmojolicious-perl libdbd-pg-perl postgresql redis-server \
               jq curl
deps_unit   := perl libcmocka-dev binutils redis-server python3 tzdata
deps_lint   := perl cppcheck patch shellcheck
deps_test   := $(deps_run) postgresql-15-pgtap openssl prometheus faketime
deps_geo    := mmdb-bin $(if $(wildcard /usr/bin/node),,nodejs) \
               $(if $(wildcard /usr/bin/npm),,npm)
deps_deb    := debhelper dpkg-dev fakeroot
deps_bench  := $(deps_test) valgrind wrk libnginx-mod-http-lua
deps_browser := chromium fonts-dejavu-core \
               $(if $(wildcard /usr/bin/node),,nodejs) \
               $(if $(wildcard /usr/bin/npm),,npm)
deps_fault  := $(deps_test) strace pgbouncer
deps_planted := $(deps_fault) $(deps_unit) patch
deps_fuzz   := clang libclang-rt-14-dev
deps_asan   := dpkg-dev patch libpcre2-dev zlib1g-dev

deps         = $(foreach for,$(1),build/deps/$(for)-$(firstword $(shell \
                   echo '$(deps_$(for))' | md5sum)))

build/deps/%:
	@t/tools/deps $@ $(deps_$(firstword $(subst -, ,$*)))


# the module: one configured tree an nginx and a compiler

tree        := $(if $(filter-out gcc,$(CC)),-$(notdir $(CC)))
tree        := $(tree)$(if $(NGINX_SRC),-$(firstword $(shell \
                   realpath $(NGINX_SRC) | md5sum)))
objs        := build/objs$(tree)
ngx         := $(or $(realpath $(NGINX_SRC)),/usr/share/nginx/src)

CC_OPT      := -std=gnu11 -g -O2 -fPIC -fstack-protector-strong -Wall -Wextra \
               -Wno-unused-parameter -Werror -Wformat \
               -Werror=format-security -D_FORTIFY_SOURCE=2 \
               -ffile-prefix-map=$(CURDIR)=.
export CC CC_OPT MODULE

.PHONY: always
always:

$(objs)/key: always | $$(call deps,build)
	@mkdir -p $(@D)
	@flock $(@D) t/tools/configure $(@D) $(realpath $(NGINX_SRC))

$(objs)/include/ngx_auto_config.h: $(objs)/key ;

$(objs)/ngx_http_soporte_module.so: always $(objs)/key
	@cd $(ngx) && flock $(CURDIR)/$(@D) $(MAKE) -s --no-print-directory \
	    -f $(CURDIR)/$(@D)/Makefile $(if $(NGINX_SRC),build,modules)

# an nginx with the module linked in (MODULE=static, with NGINX_SRC)

$(objs)/nginx: always $(objs)/key
	@cd $(ngx) && flock $(CURDIR)/$(@D) $(MAKE) -s --no-print-directory \
	    -f $(CURDIR)/$(@D)/Makefile build

build/ngx_http_soporte_module.so: always $(objs)/ngx_http_soporte_module.so
	@cmp -s $(objs)/$(@F) $@ || install -m 755 $(objs)/$(@F) $@


# core, shm and io without nginx, plain and under the sanitizers

core        := $(wildcard $(source)/core/*.c)
shm         := $(wildcard $(source)/shm/*.c)
io          := $(wildcard $(source)/io/*.c)
libs        := -lpq -ljansson -lhiredis -lmaxminddb -lcrypto -lpthread
asan        := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
               -fno-omit-frame-pointer

flags       := -std=gnu11 -g -fPIC -Wall -Wextra -Wno-unused-parameter \
               -Werror -MMD -MP \
               $(addprefix -I$(ngx)/src/,core event event/modules os/unix) \
               -I$(objs)/include \
               $(addprefix -I$(source)/,core shm io) -It/unit
pg_flags     = -I$(shell pg_config --includedir)

plain_objs   = $(patsubst $(source)/%.c,build/plain/%.o,$(1))
asan_objs    = $(patsubst $(source)/%.c,build/asan/%.o,$(1))

build/plain/%.o: $(source)/%.c $(objs)/include/ngx_auto_config.h
	@mkdir -p $(@D)
	@$(CC) $(flags) $(pg_flags) -O2 -c $< -o $@

build/asan/%.o: $(source)/%.c $(objs)/include/ngx_auto_config.h
	@mkdir -p $(@D)
	@$(CC) $(flags) $(pg_flags) -O1 $(asan) -c $< -o $@

# the linker proves that core needs libc alone, and io no nginx

build/unit/core.so: $(call plain_objs,$(core))
	@mkdir -p $(@D)
	@$(CC) -shared -Wl,--no-undefined $^ -o $@

build/unit/io.so: $(call plain_objs,$(core) $(io))
	@mkdir -p $(@D)
	@$(CC) -shared -Wl,--no-undefined $^ $(libs) -o $@

build/unit/%_test: t/unit/%_test.c $(call asan_objs,$(core) $(shm) $(io)) \
                   | $$(call deps,unit)
	@mkdir -p $(@D)
	@$(CC) $(flags) $(pg_flags) -O1 $(asan) $(filter %.c %.o,$^) -lcmocka $(libs) -o $@

# parsers on their corpora, under the sanitizers, with any compiler

fuzz_names  := $(patsubst t/fuzz/%_fuzz.c,%,$(wildcard t/fuzz/*_fuzz.c))
replays     := $(fuzz_names:%=build/fuzz/%_replay)

build/fuzz/%_replay: t/fuzz/%_fuzz.c t/fuzz/replay.c t/fuzz/fuzz.h \
                     $(call asan_objs,$(core) $(io))
	@mkdir -p $(@D)
	@$(CC) $(flags) -It/fuzz -O1 $(asan) -DFUZZ_CORPUS='"t/fuzz/corpus/$*"' \
	    $(filter %.c %.o,$^) $(libs) -o $@

# and mutated, the same ones each time

mutations   := build/fuzz/zoneinfo_mutate build/fuzz/ics_mutate

build/fuzz/%_mutate: t/fuzz/%_fuzz.c t/fuzz/mutate.c t/fuzz/fuzz.h \
                     $(call asan_objs,$(core) $(io))
	@mkdir -p $(@D)
	@$(CC) $(flags) -It/fuzz -O1 $(asan) $(filter %.c %.o,$^) $(libs) -o $@

# and by libFuzzer, which needs clang

fuzzer      := -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=undefined -fno-omit-frame-pointer
fuzzer_objs  = $(patsubst $(source)/%.c,build/fuzzer/%.o,$(1))

build/fuzzer/%.o: $(source)/%.c $(objs)/include/ngx_auto_config.h \
                  | $$(call deps,fuzz)
	@mkdir -p $(@D)
	@clang $(flags) $(pg_flags) -O1 $(fuzzer) -c $< -o $@

build/fuzz/%_fuzz: t/fuzz/%_fuzz.c t/fuzz/fuzz.h \
                   $(call fuzzer_objs,$(core) $(io)) | $$(call deps,fuzz)
	@mkdir -p $(@D)
	@clang $(flags) -It/fuzz -O1 $(fuzzer) -fsanitize=fuzzer \
	    $(filter %.c %.o,$^) $(libs) -o $@

# programs: build/render, build/vectors-hours from t/tools/vectors_hours.c, ...

programs    := $(subst _,-,$(patsubst t/tools/%.c,build/%, \
                   $(wildcard t/tools/*.c)))

$(programs): build/%: t/tools/$$(subst -,_,$$*).c \
                      $(call plain_objs,$(core) $(shm) $(io))
	@$(CC) $(flags) $(pg_flags) -O2 $(filter %.c %.o,$^) $(libs) -MF build/plain/$*.d -o $@

-include $(wildcard build/unit/*.d build/plain/*.d build/fuzz/*.d \
                    build/*/*/*.d)


.PHONY: run
run: all | $$(call deps,run)  ## the demo: all of it on this machine, until Ctrl-C (UPSTREAM=http://host:port for a real ERPNext)
	@UPSTREAM=$(UPSTREAM) exec bin/demo


# tests, each kind alone and all together

lint_tests  := $(wildcard t/lint/*)
unit_tests  := $(patsubst t/unit/%.c,build/unit/%,$(wildcard t/unit/*_test.c))
unit_needs  := $(unit_tests) $(replays) $(mutations) build/unit/core.so build/unit/io.so $(programs)
vectors     := $(wildcard t/vectors/*.json)
sql_tests   := $(wildcard sql/t/*.sql)
e2e_tests   := $(wildcard t/*.t)
browser_tests := $(wildcard t/browser/*.t)

ifeq ($(MODULE),static)
built                 := $(objs)/nginx
export SOPORTE_MODULE :=
else
built                 := all
export SOPORTE_MODULE := $(CURDIR)/$(objs)/ngx_http_soporte_module.so
endif
ifneq ($(NGINX_SRC),)
export SOPORTE_NGINX  := $(CURDIR)/$(objs)/nginx
endif

.PHONY: test
test: all $(unit_needs) build/browser/key build/geo/key | $$(call deps,lint unit test)  ## every test; ends with "N passed, N failed"
	@t/tools/run $(lint_tests) $(unit_tests) $(replays) t/unit/pure.t t/unit/hours.t $(vectors) \
	    $(sql_tests) $(e2e_tests) $(browser_tests)

.PHONY: lint
lint: | $$(call deps,lint)  ## arrows between the rooms, nginx style, cppcheck, shellcheck, perl -c
	@t/tools/run $(lint_tests)

.PHONY: unit
unit: $(unit_needs) | $$(call deps,unit)  ## core and io without nginx, under ASan and UBSan, corpora, vectors
	@t/tools/run $(unit_tests) $(replays) t/unit/pure.t t/unit/hours.t $(vectors)

.PHONY: sql
sql: | $$(call deps,test)  ## the functions in PostgreSQL, by pgTAP
	@t/tools/run $(sql_tests)

.PHONY: e2e
e2e: $(built) $(programs) build/geo/key | $$(call deps,test)  ## end to end, nginx with the module; one of them: prove -It/lib t/x.t
	@t/tools/run $(e2e_tests)

.PHONY: browser
browser: all build/render build/browser/key | $$(call deps,test)  ## pages and widget in Chromium, more of each than "make test" looks at
	@SOPORTE_BROWSER_ALL=1 t/tools/run --timeout=900 $(browser_tests)

# playwright-core drives Debian's Chromium, axe-core looks for barriers

build/browser/key: t/browser/package.json | $$(call deps,browser)
	@mkdir -p $(@D)
	@cp $< $(@D)
	@cd $(@D) && npm install --no-package-lock --no-audit --no-fund \
	    --ignore-scripts --loglevel=error
	@touch $@


.PHONY: hours
hours: build/vectors-hours $(mutations) | $$(call deps,unit)  ## 100,000 values beside Python's zoneinfo, 120,000 mutated zones and feeds
	@SOPORTE_HOURS=all t/tools/run --timeout=1800 t/unit/hours.t


# a real database of addresses, in the public domain

build/geo/key: t/geo/package.json | $$(call deps,geo)
	@mkdir -p $(@D)
	@cp $< $(@D)
	@cd $(@D) && npm install --no-package-lock --no-audit --no-fund \
	    --ignore-scripts --loglevel=error
	@touch $@


# what takes longer, each its own target

SECONDS     := 60

.PHONY: fuzz $(fuzz_names:%=fuzz-%)
fuzz: $(fuzz_names:%=fuzz-%)  ## every parser by libFuzzer, SECONDS=60 each; fuzz-NAME: one of them

$(fuzz_names:%=fuzz-%): fuzz-%: build/fuzz/%_fuzz
	@t/fuzz/run $* $(SECONDS)

# as root: it mounts small file systems, and traces what nginx does

.PHONY: fault
fault: all | $$(call deps,fault)  ## tickets while everything dies, disks fill up and standbys take over (as root, minutes)
	@t/tools/run --jobs=1 --timeout=1800 $(wildcard t/fault/*.t)

.PHONY: planted
planted: all | $$(call deps,planted)  ## plants each defect of t/fault/planted in a copy: its test must see it (minutes)
	@t/tools/planted $(wildcard t/fault/planted/*.patch)

asan_opt    := -std=gnu11 -g -O1 -DNGX_DEBUG_PALLOC=1 -DNGX_DEBUG_MALLOC=1 \
               -DNGX_HAVE_NONALIGNED=0

.PHONY: asan
asan: $(programs) | $$(call deps,build asan)  ## the end to end tests with an nginx under ASan and UBSan, of Debian's source (TESTS=t/x.t)
	@t/tools/nginx-source build/nginx-src
	@ASAN_OPTIONS=detect_stack_use_after_return=1:detect_odr_violation=0:verify_asan_link_order=0 \
	 LSAN_OPTIONS=suppressions=$(CURDIR)/t/tools/asan-leaks:print_suppressions=0 \
	 UBSAN_OPTIONS=print_stacktrace=1 \
	    $(MAKE) --no-print-directory CC=$(CURDIR)/t/tools/asan-cc \
	    NGINX_SRC=build/nginx-src MODULE=static CC_OPT='$(asan_opt)' \
	    e2e_tests='$(or $(TESTS),$(filter-out t/install.t,$(e2e_tests)))' e2e


# measurements, never asserted

.PHONY: bench
bench: all build/vectors-hours | $$(call deps,bench)  ## every measurement of t/bench, beside plain nginx and a Lua peer (many minutes)
	@for part in t/bench/*; do echo "== $$part"; $$part; echo; done

.PHONY: soak
soak: all | $$(call deps,test)  ## what takes too long for every day: outages seen in time, 20 of each kind (minutes)
	@t/tools/run --timeout=3600 t/soak/*

.PHONY: endure
endure: all build/zone-check | $$(call deps,test)  ## two workers and a million requests each, 200 reloads under load, upgrades, kills (minutes)
	@t/tools/run --timeout=3600 --jobs=1 t/endure/*


# into the system, or below DESTDIR; a package

.PHONY: install
install: all build/zone-check  ## the module, programs, SQL and examples into the system (DESTDIR=dir)
	@t/tools/install build/ngx_http_soporte_module.so

.PHONY: deb
deb: | $$(call deps,build deb)  ## a Debian package, into build/deb
	@t/tools/deb
