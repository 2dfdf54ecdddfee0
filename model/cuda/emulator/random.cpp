// A libcurand that can be opened and closed; nothing is drawn from it.
extern "C" {
int curandCreateGenerator(void **generator, int) { return *generator = (void *)1, 0; }
int curandDestroyGenerator(void *) { return 0; }
int curandSetStream(void *, void *) { return 0; }
int curandSetPseudoRandomGeneratorSeed(void *, unsigned long long) { return 0; }
}
