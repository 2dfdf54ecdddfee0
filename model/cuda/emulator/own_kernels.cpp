// The project's kernels.
#define HRM_EMULATED
#include "device.cuh"
#include "rows.cuh"
#include "tiles.cuh"
#include "kernels.h"

// Each source has names of its own.
namespace attention {
#include "attention.cu"
}
namespace attention_backward {
#include "attention_backward.cu"
}
namespace attention_plain {
#include "attention_plain.cu"
}
namespace attention_short {
#include "attention_short.cu"
}
namespace cross_entropy {
#include "cross_entropy.cu"
}
namespace elementwise {
#include "elementwise.cu"
}
namespace embedding {
#include "embedding.cu"
}
namespace halting {
#include "halting.cu"
}
namespace optim {
#include "optim.cu"
}
namespace rms_norm {
#include "rms_norm.cu"
}
namespace swiglu {
#include "swiglu.cu"
}

using namespace attention;
using namespace attention_backward;
using namespace attention_plain;
using namespace attention_short;
using namespace cross_entropy;
using namespace elementwise;
using namespace embedding;
using namespace halting;
using namespace optim;
using namespace rms_norm;
using namespace swiglu;

#define EACH_TYPE(NAME) KERNEL(NAME##_f32), KERNEL(NAME##_bf16)
#define SMALL_SIZES(NAME) KERNEL(NAME##_16), KERNEL(NAME##_32), KERNEL(NAME##_64)
#define EACH_SIZE(NAME) SMALL_SIZES(NAME), KERNEL(NAME##_128)

extern const Kernel own_kernels[] = {
    EACH_TYPE(rms_norm_forward),
    EACH_TYPE(rms_norm_backward),
    KERNEL(rms_norm_columns_forward_bf16),
    KERNEL(rms_norm_columns_backward_bf16),
    EACH_TYPE(swiglu_forward),
    EACH_TYPE(swiglu_backward),
    EACH_TYPE(attention_plain_forward),
    EACH_TYPE(attention_plain_queries_backward),
    EACH_TYPE(attention_plain_keys_backward),
    EACH_TYPE(add),
    EACH_TYPE(restart),
    EACH_TYPE(embedding_lookup),
    EACH_TYPE(embedding_partial),
    EACH_SIZE(attention_forward),
    EACH_SIZE(attention_queries_backward),
    EACH_SIZE(attention_keys_backward),
    SMALL_SIZES(attention_short_forward),
    SMALL_SIZES(attention_short_backward),
    KERNEL(attention_rotate),
    KERNEL(attention_along),
    KERNEL(embedding_total),
    KERNEL(cross_entropy_forward),
    KERNEL(cross_entropy_backward),
    KERNEL(sum_matrices),
    KERNEL(halting_forward),
    KERNEL(halting_backward),
    KERNEL(adam_atan2),
    KERNEL(sign_sgd),
    {nullptr, nullptr},
};
