# SPDX-License-Identifier: GPL-2.0
# Entry points; `make help` lists them.  The module itself is described to the
# kernel's build system in Kbuild.

BUILD	:= $(CURDIR)/build

# Build for the running kernel if its headers are there, else for the newest
# that has some (which is the one that the test VM boots).
KDIR	?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	     $(lastword $(shell ls -d /lib/modules/*/build 2>/dev/null | sort -V)))
KRELEASE = $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)
# The sources are copied, so that builds for several kernels live side by side.
MODULE	= $(BUILD)/module/$(KRELEASE)

.PHONY: all module modules_install lib lib_install selftests help demo check \
	check-debug vm bench bench-gate models style clean need-kdir

all: module

need-kdir:
	@test -n "$(KDIR)" -a -e "$(KDIR)/Makefile" || { \
	  echo "no kernel headers: install linux-headers-$$(dpkg --print-architecture), or say KDIR=DIR" >&2; \
	  exit 1; }

module: need-kdir
	@mkdir -p $(MODULE)
	@cp -ru Kbuild module uapi $(MODULE)/
	$(MAKE) -C $(KDIR) M=$(MODULE) modules
	@ln -sfn module/$(KRELEASE)/kipc.ko $(BUILD)/kipc.ko

modules_install: module
	$(MAKE) -C $(KDIR) M=$(MODULE) modules_install

lib:
	$(MAKE) -C tools/lib

lib_install:
	$(MAKE) -C tools/lib install

selftests:
	$(MAKE) -C selftests

demo:
	@tools/prepare base demo
	@tools/demo/run

check:
	@tools/check

check-debug:
	@tools/check --debug

style:
	@tools/check-style

models:
	@tools/prepare models
	@tools/model-check

vm:
	@tools/check --shell

bench:
	@tools/bench-run

bench-gate:
	@tools/bench-gate

clean:
	rm -rf $(BUILD)

help:
	@echo 'make                  build the module for KDIR (default: the running kernel)'
	@echo 'make modules_install  install it there'
	@echo 'make lib              build libkipc (build/lib)'
	@echo 'make lib_install      install it, and the headers; PREFIX=DIR, DESTDIR=DIR'
	@echo 'make demo             boot a VM, load the module, move real data, show what happened'
	@echo 'make check            style checks, models, and the selftests in a VM (FULL=1: all rounds)'
	@echo 'make check-debug      the selftests on a kernel built with KASAN, lockdep, kmemleak'
	@echo 'make bench            kipc against its peers: instructions, time on 2 CPUs (15 minutes at most)'
	@echo 'make bench-gate       fail if kipc takes more instructions than tools/bench/baseline says'
	@echo 'make vm               a shell in a VM with the module loaded'
	@echo 'make selftests        build the selftests (make -C selftests run_tests: run them here)'
	@echo 'make style            the style checks alone'
	@echo 'make models           search the models of protocols for lost wake-ups and the like'
	@echo 'make clean            remove build/'
	@echo 'KDIR=DIR              kernel headers or build tree to build against'
