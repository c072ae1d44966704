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
deps_run    := perl libmojolicious-perl libdbd-pg-perl postgresql redis-server
deps_unit   := perl libcmocka-dev binutils
deps_lint   := perl cppcheck shellcheck
deps_test   := $(deps_run) postgresql-15-pgtap curl openssl prometheus
deps_deb    := debhelper dpkg-dev fakeroot
deps_bench  := perl valgrind libnginx-mod-http-lua
deps_browser := chromium fonts-dejavu-core \
               $(if $(wildcard /usr/bin/node),,nodejs) \
               $(if $(wildcard /usr/bin/npm),,npm)

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
export CC CC_OPT

.PHONY: always
always:

$(objs)/key: always | $$(call deps,build)
	@mkdir -p $(@D)
	@flock $(@D) t/tools/configure $(@D) $(realpath $(NGINX_SRC))

$(objs)/include/ngx_auto_config.h: $(objs)/key ;

$(objs)/ngx_http_soporte_module.so: always $(objs)/key
	@cd $(ngx) && flock $(CURDIR)/$(@D) $(MAKE) -s --no-print-directory \
	    -f $(CURDIR)/$(@D)/Makefile $(if $(NGINX_SRC),build,modules)

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

# programs: build/render, build/vectors-hours from t/tools/vectors_hours.c, ...

programs    := $(subst _,-,$(patsubst t/tools/%.c,build/%, \
                   $(wildcard t/tools/*.c)))

$(programs): build/%: t/tools/$$(subst -,_,$$*).c \
                      $(call plain_objs,$(core) $(io))
	@$(CC) $(flags) $(pg_flags) -O2 $(filter %.c %.o,$^) $(libs) -MF build/plain/$*.d -o $@

-include $(wildcard build/unit/*.d build/plain/*.d build/*/*/*.d)


.PHONY: run
run: all | $$(call deps,run)  ## the demo: all of it on this machine, until Ctrl-C (UPSTREAM=http://host:port for a real ERPNext)
	@UPSTREAM=$(UPSTREAM) exec bin/demo


# tests, each kind alone and all together

lint_tests  := $(wildcard t/lint/*)
unit_tests  := $(patsubst t/unit/%.c,build/unit/%,$(wildcard t/unit/*_test.c))
unit_needs  := $(unit_tests) build/unit/core.so build/unit/io.so $(programs)
vectors     := $(wildcard t/vectors/*.json)
sql_tests   := $(wildcard sql/t/*.sql)
e2e_tests   := $(wildcard t/*.t)
browser_tests := $(wildcard t/browser/*.t)

export SOPORTE_MODULE := $(CURDIR)/$(objs)/ngx_http_soporte_module.so
ifneq ($(NGINX_SRC),)
export SOPORTE_NGINX  := $(CURDIR)/$(objs)/nginx
endif

.PHONY: test
test: all $(unit_needs) build/browser/key | $$(call deps,lint unit test)  ## every test; ends with "N passed, N failed"
	@t/tools/run $(lint_tests) $(unit_tests) t/unit/pure.t $(vectors) \
	    $(sql_tests) $(e2e_tests) $(browser_tests)

.PHONY: lint
lint: | $$(call deps,lint)  ## arrows between the rooms, nginx style, cppcheck, shellcheck, perl -c
	@t/tools/run $(lint_tests)

.PHONY: unit
unit: $(unit_needs) | $$(call deps,unit)  ## core and io without nginx, under ASan and UBSan, and the vectors
	@t/tools/run $(unit_tests) t/unit/pure.t $(vectors)

.PHONY: sql
sql: | $$(call deps,test)  ## the functions in PostgreSQL, by pgTAP
	@t/tools/run $(sql_tests)

.PHONY: e2e
e2e: all | $$(call deps,test)  ## end to end, nginx with the module; one of them: prove -It/lib t/x.t
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


# measurements, never asserted

.PHONY: bench
bench: all | $$(call deps,bench)  ## instructions a proxied request, against plain nginx and lua, by callgrind (minutes)
	@t/bench/instructions


# into the system, or below DESTDIR; a package

.PHONY: install
install: all  ## the module, programs, SQL and examples into the system (DESTDIR=dir)
	@t/tools/install build/ngx_http_soporte_module.so

.PHONY: deb
deb: | $$(call deps,build deb)  ## a Debian package, into build/deb
	@t/tools/deb
