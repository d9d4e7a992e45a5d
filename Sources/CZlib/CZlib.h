// zlib as the system has it. No logic.
#include <zlib.h>
