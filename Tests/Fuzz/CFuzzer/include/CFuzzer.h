// libFuzzer as a library (compiler-rt, FuzzerInterface.h). No logic.
#ifndef TIDINGS_CFUZZER_H
#define TIDINGS_CFUZZER_H
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(
    int *_Nonnull argc, char *_Nullable *_Nullable *_Nonnull argv,
    int (*_Nonnull callback)(const uint8_t *_Nullable data, size_t size));

#endif
