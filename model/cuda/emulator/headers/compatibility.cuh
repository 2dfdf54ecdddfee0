// What older architectures lack: nothing here.
#include "small_floats.h"
