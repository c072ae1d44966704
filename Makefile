# soporte: an nginx module for hosts of ERPNext.  "make help" says it all.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS   += -j$(shell nproc) --no-builtin-rules

ifeq ($(origin CC),default)
CC          := gcc
endif

NGINX_SRC   ?=
UPSTREAM    ?=

top         := $(CURDIR)
build       := $(top)/build
source      := ngx_soporte_module


# packages, by what they are needed for

deps_build  := gcc libc6-dev nginx nginx-dev libpq-dev libjansson-dev \
               libhiredis-dev libmaxminddb-dev libssl-dev
deps_unit   := libcmocka-dev

deps         = $(build)/deps/$(1)-$(firstword $(shell \
                   echo '$(deps_$(1))' | md5sum))


# one configured tree an nginx, a compiler

tree        := $(if $(filter-out gcc,$(CC)),-$(notdir $(CC)))
tree        := $(tree)$(if $(NGINX_SRC),-$(firstword $(shell \
                   realpath $(NGINX_SRC) | md5sum)))
objs        := $(build)/objs$(tree)
ngx         := $(or $(NGINX_SRC),/usr/share/nginx/src)/src

CC_OPT      := -std=gnu11 -g -O2 -fPIC -fstack-protector-strong -Wall -Wextra \
               -Wno-unused-parameter -Werror -Wformat \
               -Werror=format-security -D_FORTIFY_SOURCE=2 \
               -ffile-prefix-map=$(top)=.
export CC CC_OPT

.PHONY: all
all: $(build)/ngx_http_soporte_module.so   ## the module, for the installed nginx (NGINX_SRC=dir for another tree, CC=clang)


.PHONY: help
help:                               ## this list
	@sed -nE 's/^([a-z][a-z-]*):.*## (.*)/\1\t\2/p' Makefile \
	    | awk -F '\t' '{ printf "make %-9s %s\n", $$1, $$2 }'


# the module

.PHONY: always
always:

$(build)/deps/%:
	@t/tools/deps $@ $(deps_$(firstword $(subst -, ,$*)))

$(objs)/key: always | $(call deps,build)
	@mkdir -p $(objs)
	@flock $(objs) t/tools/configure $(objs) $(NGINX_SRC)

$(objs)/ngx_auto_config.h: $(objs)/key ;

$(objs)/ngx_http_soporte_module.so: always $(objs)/key
	@cd $(ngx)/.. && flock $(objs) \
	    $(MAKE) -s --no-print-directory -f $(objs)/Makefile \
	        $(if $(NGINX_SRC),build,modules)

$(build)/ngx_http_soporte_module.so: always $(objs)/ngx_http_soporte_module.so
	@cmp -s $(objs)/$(@F) $@ || install -m 755 $(objs)/$(@F) $@


# unit tests: core and io without nginx, under the sanitizers

unit        := $(build)/unit
unit_core   := $(wildcard $(source)/core/*.c)
unit_io     := $(wildcard $(source)/io/*.c)
unit_tests  := $(patsubst t/unit/%.c,$(unit)/%,$(wildcard t/unit/*_test.c))
unit_libs   := -lpq -ljansson -lhiredis -lmaxminddb -lcrypto -lpthread

unit_flags  := -std=gnu11 -g -O1 -fPIC -Wall -Wextra -Wno-unused-parameter \
               -Werror -MMD -MP \
               $(addprefix -I$(ngx)/,core event event/modules os/unix) \
               -I$(objs) -I$(source)/core -I$(source)/io -It/unit \
               -I$(shell pg_config --includedir 2>/dev/null)
unit_asan   := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
               -fno-omit-frame-pointer

pure_objs    = $(patsubst $(source)/%.c,$(unit)/pure/%.o,$(1))
asan_objs    = $(patsubst $(source)/%.c,$(unit)/asan/%.o,$(1))

$(unit)/pure/%.o: $(source)/%.c $(objs)/ngx_auto_config.h
	@mkdir -p $(@D)
	@$(CC) $(unit_flags) -c $< -o $@

$(unit)/asan/%.o: $(source)/%.c $(objs)/ngx_auto_config.h
	@mkdir -p $(@D)
	@$(CC) $(unit_flags) $(unit_asan) -c $< -o $@

# the proof of purity: core links with libc alone, io without nginx

$(unit)/core.so: $(call pure_objs,$(unit_core))
	@$(CC) -shared -Wl,--no-undefined $^ -o $@

$(unit)/io.so: $(call pure_objs,$(unit_core) $(unit_io))
	@$(CC) -shared -Wl,--no-undefined $^ $(unit_libs) -o $@

$(unit)/%_test: t/unit/%_test.c t/unit/test.h \
                $(call asan_objs,$(unit_core) $(unit_io)) \
                | $(call deps,unit)
	@$(CC) $(unit_flags) $(unit_asan) $(filter %.c %.o,$^) \
	    -lcmocka $(unit_libs) -o $@

-include $(wildcard $(unit)/*.d $(unit)/*/*/*.d)

.PHONY: unit
unit: $(unit_tests) $(unit)/core.so $(unit)/io.so   ## unit tests of core and io, without nginx, under ASan and UBSan
	@for test in $(unit_tests); do timeout 120 $$test; done
