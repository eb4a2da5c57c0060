/* AFL++'s custom mutator, called as afl-fuzz calls it. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*init)(void *, unsigned);
static uint32_t (*count)(void *, const uint8_t *, size_t);
static size_t (*fuzz)(void *, uint8_t *, size_t, uint8_t **, uint8_t *, size_t, size_t);
static int32_t (*init_trim)(void *, uint8_t *, size_t);
static size_t (*trim)(void *, uint8_t **);
static int32_t (*post_trim)(void *, uint8_t);
static void (*deinit)(void *);

static void check(int holds, const char *what) {
    if (holds) return;
    printf("%s\n", what);
    exit(1);
}

static void *found(void *library, const char *name) {
    void *symbol = dlsym(library, name);
    check(symbol != NULL, name);
    return symbol;
}

int main(void) {
    void *library = dlopen("libpcsclite.so.1", RTLD_NOW);
    check(library != NULL, "the library");
    *(void **)&init = found(library, "afl_custom_init");
    *(void **)&count = found(library, "afl_custom_fuzz_count");
    *(void **)&fuzz = found(library, "afl_custom_fuzz");
    *(void **)&init_trim = found(library, "afl_custom_init_trim");
    *(void **)&trim = found(library, "afl_custom_trim");
    *(void **)&post_trim = found(library, "afl_custom_post_trim");
    *(void **)&deinit = found(library, "afl_custom_deinit");
    void *one = init(NULL, 7), *same = init(NULL, 7), *other = init(NULL, 8);
    check(one && same && other, "a mutator");
    static uint8_t held[2000] = "\xFF no fault \n", seed[] = "counter:by=1\n";
    size_t length = strlen((char *)held), differ = 0;
    check(count(one, held, length) > 0, "a count");
    for (int round = 0; round < 500; round++) {
        size_t most = round % 7 == 0 ? 30 : sizeof held;
        uint8_t *made = NULL, *again = NULL, *third = NULL;
        uint8_t *add = round % 3 ? seed : NULL;
        size_t add_length = add ? sizeof seed - 1 : 0;
        size_t got = fuzz(one, held, length, &made, add, add_length, most);
        check(got == fuzz(same, held, length, &again, add, add_length, most), "the same length");
        check(got <= most, "no more than there is room for");
        check(made && again && !memcmp(made, again, got), "the same bytes");
        size_t else_got = fuzz(other, held, length, &third, add, add_length, most);
        differ += else_got != got || memcmp(made, third, got);
        for (size_t at = 0; at < got; at++)
            check(made[at] == '\n' || (made[at] >= ' ' && made[at] < 0x7F), "text");
        check(got == 0 || made[got - 1] == '\n', "whole lines");
        if (got) memcpy(held, made, got), length = got;
    }
    check(differ > 400, "another seed decides otherwise");
    /* As in AFL++: what still does the same takes the place of the whole. */
    static uint8_t whole[] = "empty\nsw:sw=6F00\nstale\nlost\n";
    int32_t steps = init_trim(one, whole, sizeof whole - 1), step = 0;
    check(steps > 0, "something to leave out");
    while (step < steps) {
        uint8_t *shorter = NULL;
        size_t got = trim(one, &shorter);
        check(got < sizeof whole && shorter, "shorter");
        static char text[sizeof whole];
        memcpy(text, shorter, got), text[got] = 0;
        int enough = strstr(text, "6F00") != NULL;
        if (enough) memcpy(held, shorter, got), length = got;
        int32_t next = post_trim(one, enough);
        check(next > step, "a step further");
        step = next;
    }
    printf("%.*s", (int)length, held);
    check(init_trim(one, NULL, 0) == 0, "nothing of nothing");
    uint8_t *none = NULL;
    check(fuzz(NULL, NULL, 0, &none, NULL, 0, 10) == 0 && !none, "nothing without a mutator");
    check(post_trim(NULL, 1) == -1, "no step without a mutator");
    deinit(one), deinit(same), deinit(other), deinit(NULL);
    return 0;
}
