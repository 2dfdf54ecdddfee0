// Kernels by name, to be called with addresses of their arguments as a driver is given them.
#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

struct Kernel {
    const char *name;
    void (*call)(void **arguments);
};

template <typename... Arguments, size_t... I>
void emulated_call(void (*kernel)(Arguments...), void **arguments, std::index_sequence<I...>) {
    kernel(*(std::remove_const_t<Arguments> *)arguments[I]...);
}

template <typename... Arguments>
void emulated_call(void (*kernel)(Arguments...), void **arguments) {
    emulated_call(kernel, arguments, std::index_sequence_for<Arguments...>());
}

#define KERNEL(NAME) {#NAME, [](void **arguments) { emulated_call(NAME, arguments); }}
