# DeepLink. The two commands that matter: `make run` and `make test`; `make help` lists the rest.
BUILD ?= build
GEN := $(BUILD)/gen
CC := gcc
CCACHE := $(shell command -v ccache 2>/dev/null)
PACKAGES := libnghttp2 libssl libcrypto libpq hiredis libmongoc-1.0 json-c libprotobuf-c libsodium libcmark libutf8proc libcurl \
  libidn2 zlib libwebsockets rdkafka
# Of the programs that decode the files and parse the pages of strangers alone.
DERIVE_PACKAGES := vips libseccomp
MARKUP_PACKAGES := libxml-2.0 libseccomp
SANITIZE ?=
# V=1 shows every command.
Q := $(if $(V),,@)
OPTIMISE ?= -O2

CPPFLAGS += -I. -I$(BUILD) -I$(GEN) -D_GNU_SOURCE $(shell pkg-config --cflags-only-I $(PACKAGES) $(DERIVE_PACKAGES) $(MARKUP_PACKAGES) 2>/dev/null)
CFLAGS += -std=gnu11 $(OPTIMISE) -g -fno-omit-frame-pointer -fno-strict-aliasing -fstack-protector-strong -fPIE \
  -fstack-clash-protection -fcf-protection -Wall -Wextra -Werror -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
  -Wvla -Wshadow -Wwrite-strings $(SANITIZE)
ifeq ($(SANITIZE),)
CFLAGS += -D_FORTIFY_SOURCE=2
endif
GENFLAGS := $(filter-out -Wshadow -Wmissing-prototypes -Wstrict-prototypes,$(CFLAGS))
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)
LDLIBS += $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lfcgi -lev -lmagic -lpthread -lm

# ---- What is made from what ----------------------------------------------------------------------------------

PROTOS := $(wildcard proto/deeplink/v1/*.proto)
ALL_PROTOS := $(PROTOS) $(wildcard proto/grpc/*/*/*.proto)
PROTO_FOLDERS := $(sort $(dir $(ALL_PROTOS)))
PROTO_C := $(ALL_PROTOS:proto/%.proto=$(GEN)/%.pb-c.c)
TEMPLATES := $(wildcard templates/*.html templates/*/*.html)
QUERIES := $(sort $(wildcard sql/queries/*.sql))
MIGRATIONS := $(sort $(wildcard sql/migrations/*.sql))
TPLC := $(BUILD)/tplc
SCANNERS := $(patsubst %.re,$(GEN)/%.c,$(wildcard handlers/*/*.re fcgi/*.re))

SOURCES := $(wildcard fcgi/*.c fcgi/*/*.c handlers/*.c handlers/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/o/%.o)
# tpl_<dir>_<name>.c: the compiler names files by their path, so make only needs one stamp for all of them.
GENERATED := $(GEN)/.protos $(GEN)/.templates $(GEN)/queries.h $(GEN)/migrations.c $(GEN)/static.h $(GEN)/stubs.h $(GEN)/descriptors.h
TEMPLATE_C := $(foreach t,$(TEMPLATES),$(GEN)/tpl_$(subst /,_,$(patsubst templates/%.html,%,$(t))).c)
TEMPLATE_OBJECTS := $(TEMPLATE_C:$(GEN)/%.c=$(BUILD)/o/gen/%.o)
GEN_OBJECTS := $(PROTO_C:$(GEN)/%.c=$(BUILD)/o/gen/%.o) $(TEMPLATE_OBJECTS) $(BUILD)/o/gen/messages.o \
  $(BUILD)/o/gen/queries.o $(BUILD)/o/gen/migrations.o $(BUILD)/o/gen/stubs.o $(BUILD)/o/gen/descriptors.o $(SCANNERS:$(GEN)/%.c=$(BUILD)/o/gen/%.o)
LIBRARY := $(BUILD)/libdeeplink.a
MAIN := fcgi/main.c
DERIVE := handlers/media/derive_main.c
MARKUP := fcgi/drivers/markup_main.c
# All that is built to run.
PROGRAMS := $(addprefix $(BUILD)/,deeplink deeplink-derive deeplink-markup)

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SERVICE := $(patsubst tests/service/%.c,$(BUILD)/tests/service/%,$(wildcard tests/service/test_*.c))
FIXTURES := $(patsubst %.c,$(BUILD)/o/%.o,$(wildcard tests/service/fixture*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all run stop test asan bench lint format help clean tests fuzz install-run install-test
.DEFAULT_GOAL := all
.SECONDARY:

all: $(PROGRAMS) docs/deeplink.conf.example ## builds the program

# A list that is made of a folder's files needs the folder, too: that is newer when one of them is gone.

$(GEN)/.protos: $(ALL_PROTOS) $(PROTO_FOLDERS)
	@mkdir -p $(GEN)
	$(Q)protoc-c --c_out=$(GEN) -Iproto -I/usr/include $(ALL_PROTOS) 2>&1 | grep -v -e warning: -e '^$$' || true
	@touch $@
$(PROTO_C): $(GEN)/.protos ;

# The contract as bytes, for server reflection.
$(GEN)/descriptors.h: $(ALL_PROTOS) $(PROTO_FOLDERS) proto/descriptors.sh
	@mkdir -p $(GEN)
	$(Q)sh proto/descriptors.sh $(GEN) $(ALL_PROTOS)
$(GEN)/descriptors.c: $(GEN)/descriptors.h ;

$(GEN)/stubs.h: $(PROTOS) $(sort $(dir $(PROTOS))) proto/stubs.awk
	@mkdir -p $(GEN)
	$(Q)awk -v out=$(GEN) -f proto/stubs.awk $(PROTOS)
$(GEN)/stubs.c: $(GEN)/stubs.h ;

$(GEN)/queries.h: $(QUERIES) sql/queries sql/queries.awk
	@mkdir -p $(GEN)
	$(Q)awk -v out=$(GEN) -f sql/queries.awk $(QUERIES)
$(GEN)/queries.c: $(GEN)/queries.h ;

$(GEN)/migrations.c: $(MIGRATIONS) sql/migrations sql/migrations.sh
	@mkdir -p $(GEN)
	$(Q)sh sql/migrations.sh $(MIGRATIONS) > $@.new && mv $@.new $@

$(GEN)/static.h: $(wildcard static/*) static
	@mkdir -p $(GEN)
	$(Q)sh static/hash.sh static $(BUILD)/static $(GEN)/static.h

$(TPLC): $(wildcard templates/compiler/*.c templates/compiler/*.h) fcgi/i18n.h
	@mkdir -p $(BUILD)
	$(Q)echo "  cc      templates/compiler"; $(CC) -std=gnu11 -O1 -g -Wall -Wextra -Werror -I. -o $@ $(filter %.c,$^)
$(GEN)/.templates: $(TPLC) $(TEMPLATES) $(SOURCES) $(wildcard templates/locale/*.po templates/*/) templates
	@mkdir -p $(GEN)
	$(Q)$(TPLC) -o $(GEN) --locale templates/locale $(TEMPLATES) $(SOURCES)
	@touch $@
$(TEMPLATE_C) $(GEN)/messages.c: $(GEN)/.templates ;

$(GEN)/%.c: %.re
	@mkdir -p $(@D)
	re2c -W --utf-8 -o $@ $<

# ---- Compiling -----------------------------------------------------------------------------------------------

$(BUILD)/o/gen/%.o: $(GEN)/%.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)echo "  cc      $<"; $(CCACHE) $(CC) $(CPPFLAGS) $(GENFLAGS) -Wno-unused-parameter -MMD -MP -c -o $@ $<
$(BUILD)/o/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)echo "  cc      $<"; $(CCACHE) $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(OBJECTS:.o=.d) $(GEN_OBJECTS:.o=.d) $(FIXTURES:.o=.d)

$(LIBRARY): $(filter-out $(patsubst %.c,$(BUILD)/o/%.o,$(MAIN) $(DERIVE) $(MARKUP)),$(OBJECTS)) $(GEN_OBJECTS)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(BUILD)/deeplink: $(BUILD)/o/$(MAIN:.c=.o) $(LIBRARY)
	$(Q)echo "  link    $@"; $(CC) $(LDFLAGS) -o $@ $< $(LIBRARY) $(LDLIBS)

# --as-needed: a child that lives for a moment loads nothing that it does not use.
$(BUILD)/deeplink-derive: $(DERIVE:%.c=$(BUILD)/o/%.o) $(LIBRARY)
	$(Q)echo "  link    $@"; $(CC) $(LDFLAGS) -Wl,--as-needed -o $@ $< $(LIBRARY) $(LDLIBS) $(shell pkg-config --libs $(DERIVE_PACKAGES))

$(BUILD)/deeplink-markup: $(MARKUP:%.c=$(BUILD)/o/%.o) $(LIBRARY)
	$(Q)echo "  link    $@"; $(CC) $(LDFLAGS) -Wl,--as-needed -o $@ $< $(LIBRARY) $(LDLIBS) $(shell pkg-config --libs $(MARKUP_PACKAGES))

# Order-only: the example changes with the table of settings, not with every build.
docs/deeplink.conf.example: fcgi/config.c | $(BUILD)/deeplink
	@env -i $(BUILD)/deeplink --config /dev/null config print > $@.new && mv $@.new $@

$(BUILD)/tests/%: tests/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(Q)echo "  test    $<"; $(CCACHE) $(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@.o $<
	$(Q)$(CC) $(LDFLAGS) -o $@ $@.o $(if $(findstring tests/service/,$<),$(BUILD)/tests/fixture.a) $(LIBRARY) $(LDLIBS) \
	  -Wl,--as-needed $(shell pkg-config --libs check $(MARKUP_PACKAGES))
$(SERVICE): $(BUILD)/tests/fixture.a
# An archive, so that a test gets those of them that it names.
$(BUILD)/tests/fixture.a: $(FIXTURES)
	@mkdir -p $(@D) && rm -f $@
	$(Q)ar rcs $@ $^
$(FUZZ): $(BUILD)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(LIBRARY)
	@mkdir -p $(@D)
	$(Q)echo "  fuzz    $<"; $(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes $(LDFLAGS) -o $@ $(filter %.c,$^) $(LIBRARY) $(LDLIBS)
tests: $(PROGRAMS) $(UNIT) $(SERVICE) $(FUZZ)

# ---- Commands ------------------------------------------------------------------------------------------------

install-run:
	@bash stack/install.sh run
install-test:
	@bash stack/install.sh run test lint

run: install-run ## installs what is missing, builds, starts everything and serves the site
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@exec bash stack/run.sh $(BUILD)

stop: ## stops what `make run` started
	@bash stack/stop.sh

test: install-test ## installs what is missing and runs every level of tests
	@$(MAKE) --no-print-directory -j$$(nproc) tests
	@bash tests/run --build $(BUILD) lint unit fuzz service http split kafka grpc clients browser

asan: install-test ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=build-asan OPTIMISE=-O1 \
	  SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined" tests
	@bash tests/run --build build-asan unit fuzz service http

bench: ## speed and memory, side by side in one run
	@bash stack/install.sh run bench
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@bash bench/run.sh $(BUILD)
	@bash bench/bus.sh $(BUILD)
	@bash bench/told.sh $(BUILD)

fuzz: install-test ## fuzzes every parser for SECONDS (60) each
	@bash tests/fuzz/run.sh $(or $(SECONDS),60)

lint: ## layers, banned calls, formats, static analysis
	@bash tests/run --build $(BUILD) lint

format: ## formats the C files in place
	@bash tests/lint/format.sh apply

clean: ## removes what was built (never data)
	rm -rf build build-asan

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile
