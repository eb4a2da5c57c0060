/* A program that forks. Each child spends a try of the PIN; neither its siblings nor the parent may
   see that. One child inherits a handle, the others connect anew. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winscard.h>

static const BYTE TRIES[] = {0x00, 0x20, 0x00, 0x81};
static const BYTE WRONG[] = {0x00, 0x20, 0x00, 0x81, 0x08, 0x39, 0x39, 0x39, 0x39, 0x39, 0x39, 0, 0};
static SCARDCONTEXT context;
static SCARDHANDLE card;

static void open_card(void) {
    DWORD protocol;
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    if (rv == SCARD_S_SUCCESS)
        rv = SCardConnect(context, "Kortlab 00 00", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol);
    if (rv != SCARD_S_SUCCESS) printf("connect: %lX\n", rv);
}

static unsigned sends(const BYTE *command, DWORD count) {
    BYTE answer[300];
    DWORD length = sizeof answer;
    LONG rv = SCardTransmit(card, SCARD_PCI_T0, command, count, NULL, answer, &length);
    if (rv != SCARD_S_SUCCESS || length != 2) return 0;
    return answer[0] << 8 | answer[1];
}

static void child(const char *name, int opens) {
    fflush(stdout);
    if (fork() == 0) {
        if (opens) open_card();
        printf("%s: %X", name, sends(TRIES, sizeof TRIES));
        printf(" %X", sends(WRONG, sizeof WRONG));
        printf(" %X\n", sends(TRIES, sizeof TRIES));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

int main(void) {
    child("before", 1);
    open_card();
    for (int i = 0; i < 3; i++) child("inherits", 0);
    for (int i = 0; i < 3; i++) child("connects", 1);
    printf("parent: %X\n", sends(TRIES, sizeof TRIES));
    return 0;
}
