#pragma once
/// Puts the token tables into the read-only data of whoever includes this: only encoding.ipp does.

#if !defined(__ELF__)
#error "the token tables are embedded with the directives of ELF assemblers"
#endif

// The tables lie beside this header and carry its name, so they are found without an include path. One comdat
// group each: several translation units, as in header-only use, still make one copy. `.ifndef` is for full
// LTO, which assembles all units as one.
#define LOWART_EMBED(name)                                                                                \
  __asm__(".ifndef lowart_data_" #name "\n.pushsection .rodata.lowart_data_" #name                        \
          ",\"aG\",%progbits,lowart_data_" #name ",comdat\n.balign 64\n.weak lowart_data_" #name          \
          "\n.hidden lowart_data_" #name "\n.type lowart_data_" #name ", %object\nlowart_data_" #name     \
          ":\n.incbin \"" __FILE__ "." #name ".lwtk\"\n.size lowart_data_" #name ", .-lowart_data_" #name \
          "\n.popsection\n.endif\n")

LOWART_EMBED(o200k_base);
LOWART_EMBED(cl100k_base);

#undef LOWART_EMBED

extern "C" {
[[gnu::visibility("hidden")]] extern unsigned char const lowart_data_o200k_base[];
[[gnu::visibility("hidden")]] extern unsigned char const lowart_data_cl100k_base[];
}
