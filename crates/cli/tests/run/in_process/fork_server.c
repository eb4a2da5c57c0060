/* A program with a fork server of its own under AFL++'s name. It is to be called when the program
   first asks about a card, and not before; each child is to find the faults of its own test case, in
   the ATR that it is told first, and in what the card answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

static const char *const CASES[] = {
    "# none\n",
    "counter:to=9\n",
    "atr-long:length=6\ncounter:to=9\nno fault\nsw:sw=63C7,ins=20\n",
    "",
};
static int asked, begun;
static double forked;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

void __afl_manual_init(void) {
    if (begun) return;
    begun = 1;
    printf("begins %s\n", asked ? "late" : "early");
    for (unsigned at = 0; at < sizeof CASES / sizeof *CASES; at++) {
        FILE *file = fopen(getenv("KORTLAB_IN_PROCESS_TEST_CASE"), "w");
        if (!file) exit(2);
        fputs(CASES[at], file);
        fclose(file);
        fflush(stdout);
        if (fork() == 0) {
            forked = now();
            return;
        }
        wait(NULL);
    }
    exit(0);
}

int main(void) {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    SCARD_READERSTATE state = {.szReader = "Kortlab 00 00"};
    SCARD_READERSTATE known = {.szReader = "Kortlab 00 00", .dwCurrentState = SCARD_STATE_PRESENT};
    DWORD protocol, length = SCARD_AUTOALLOCATE;
    char *readers = NULL;
    BYTE answer[300];
    static const BYTE tries[] = {0x00, 0x20, 0x00, 0x81};
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context)) return 2;
    if (SCardListReaders(context, NULL, (LPSTR)&readers, &length)) return 2;
    if (begun || strcmp(readers, "Kortlab 00 00")) return 3;
    asked = 1;
    /* A child waits as long as it asks for, whatever time went by before it was forked. */
    if (SCardGetStatusChange(context, 100, &known, 1) != (LONG)SCARD_E_TIMEOUT) return 7;
    if (now() - forked < 99) return 8;
    if (SCardGetStatusChange(context, 0, &state, 1)) return 4;
    printf("ATR %lu", (unsigned long)state.cbAtr);
    if (SCardConnect(context, "Kortlab 00 00", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol))
        return 5;
    length = sizeof answer;
    const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    if (SCardTransmit(card, pci, tries, sizeof tries, NULL, answer, &length) || length != 2)
        return 6;
    printf(", state %04lX, tries %02X%02X\n", (unsigned long)state.dwEventState, answer[0], answer[1]);
    SCardReleaseContext(context);
    return 0;
}
