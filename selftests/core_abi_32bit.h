/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program core_abi_32bit, inside core_abi_test: then there is one file to
 * carry to the machine where it runs.
 */
#ifndef CORE_ABI_32BIT_H
#define CORE_ABI_32BIT_H

#ifdef ABI_32BIT_PROGRAM
__asm__(".section .rodata\n"
	"program_32bit: .incbin \"" ABI_32BIT_PROGRAM "\"\n"
	"program_32bit_end: .byte 0\n"
	".text\n");

extern const char program_32bit[], program_32bit_end[];
#endif

#endif /* CORE_ABI_32BIT_H */
