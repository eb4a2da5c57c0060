/* Threads: many with contexts of their own, one that waits and is cancelled by another, one that waits
   for another's transaction, and forks while all of them are at work. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winscard.h>

#define THREADS 6
#define ROUNDS 60

static const BYTE SELECT[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
static int failures;
static volatile int inside;

static void must(const char *what, LONG rv, LONG wanted) {
    if (rv == wanted) return;
    printf("%s: %lX\n", what, (unsigned long)rv);
    __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
}

static void *works(void *nothing) {
    for (int round = 0; round < ROUNDS; round++) {
        SCARDCONTEXT context;
        SCARDHANDLE card;
        DWORD protocol, length;
        BYTE answer[300];
        must("establish", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), 0);
        must("connect", SCardConnect(context, "Kortlab 00 00", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol), 0);
        must("begin", SCardBeginTransaction(card), 0);
        if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) != 1) must("two inside", 1, 0);
        length = sizeof answer;
        must("transmit", SCardTransmit(card, SCARD_PCI_T0, SELECT, sizeof SELECT, NULL, answer, &length), 0);
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        must("end", SCardEndTransaction(card, SCARD_LEAVE_CARD), 0);
        must("disconnect", SCardDisconnect(card, SCARD_LEAVE_CARD), 0);
        must("release", SCardReleaseContext(context), 0);
    }
    return nothing;
}

static void *waits(void *context) {
    SCARD_READERSTATE state = {.szReader = "\\\\?PnP?\\Notification"};
    LONG rv = SCardGetStatusChange((SCARDCONTEXT)(long)context, INFINITE, &state, 1);
    must("the wait", rv, SCARD_E_CANCELLED);
    return NULL;
}

static void *forks(void *nothing) {
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            /* The others are not here; what they held must not be held any more. */
            alarm(20);
            SCARDCONTEXT context;
            _exit(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) == 0 ? 7 : 8);
        }
        int status = 0;
        waitpid(child, &status, 0);
        must("the child", WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
    }
    return nothing;
}

int main(void) {
    pthread_t threads[THREADS], waiting, forking;
    SCARDCONTEXT context;
    must("establish", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), 0);
    pthread_create(&waiting, NULL, waits, (void *)(long)context);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, works, NULL);
    pthread_create(&forking, NULL, forks, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_join(forking, NULL);
    usleep(100000);
    must("cancel", SCardCancel(context), 0);
    pthread_join(waiting, NULL);
    must("cancel what does not wait", SCardCancel(context), 0);

    SCARD_READERSTATE states[2] = {{.szReader = "Kortlab 00 00"}};
    must("now", SCardGetStatusChange(context, 0, states, 1), 0);
    states[0].dwCurrentState = states[0].dwEventState & ~SCARD_STATE_CHANGED;
    must("nothing new", SCardGetStatusChange(context, 50, states, 1), SCARD_E_TIMEOUT);
    must("release", SCardReleaseContext(context), 0);
    printf("%d failures\n", failures);
    return failures != 0;
}
