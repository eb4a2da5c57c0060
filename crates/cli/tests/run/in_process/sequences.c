/* Random sequences of calls by two contexts: what each gives, one line a call. The same seed makes the
   same calls as long as they give the same. A call that would wait for the other context is not made:
   in one thread it would wait for ever.

   sequences FIRST COUNT: the sequences from FIRST, so many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

static unsigned long long state;

static unsigned below(unsigned bound) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * 0x2545F4914F6CDD1DULL >> 33) % bound);
}

#define PICK(list) ((list)[below(sizeof(list) / sizeof *(list))])

static char reader[128];

struct one {
    SCARDCONTEXT context;
    SCARDHANDLE cards[3];
    int count;
    /* The card that holds the reader, or -1; how often; and whether it has it to itself. */
    int holder, holds, alone;
};

static const BYTE COMMANDS[][13] = {
    {7, 0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00},
    {9, 0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x15, 0x50, 0x32},
    {5, 0x00, 0xB0, 0x00, 0x00, 0x10},
    {4, 0x00, 0x20, 0x00, 0x81},
    {5, 0x00, 0x84, 0x00, 0x00, 0x00},
};
static const BYTE VERIFY[] = {0x00, 0x20, 0x00, 0x81, 0x08, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0, 0};

static void told(int who, const char *call, LONG rv) {
    printf("%d %s %lX", who, call, (unsigned long)rv);
}

static void hold(struct one *one, int place, int alone) {
    if (one->holder != place) one->holds = one->alone = 0;
    one->holder = place;
    if (!alone || !one->alone) one->holds++;
    one->alone |= alone;
}

static void connect_one(struct one *one, int who, int alone) {
    static const DWORD shares[] = {1, 2, 2, 2, 3, 0, 9};
    static const DWORD protocols[] = {1, 3, 3, 3, 2, 0, 4, 0x1000};
    DWORD share = alone ? PICK(shares) : 2, wanted = PICK(protocols), protocol = 0;
    SCARDHANDLE card = 0;
    LONG rv = SCardConnect(one->context, reader, share, wanted, &card, &protocol);
    told(who, "connect", rv);
    printf(" %lu %lX: %lu\n", share, wanted, protocol);
    if (rv != SCARD_S_SUCCESS) return;
    if (share == 1) hold(one, one->count, 1);
    one->cards[one->count++] = card;
}

static void forget(struct one *one, int place) {
    for (int i = place; i + 1 < one->count; i++) one->cards[i] = one->cards[i + 1];
    one->count--;
    if (one->holder == place) one->holder = -1;
    else if (one->holder > place) one->holder--;
}

static void call_one(struct one *ones, int who) {
    struct one *one = &ones[who], *other = &ones[1 - who];
    BYTE answer[300];
    DWORD length = sizeof answer, protocol = 0;
    LONG rv;
    int kind = below(24);
    int held = other->holder >= 0;
    if (kind == 0) {
        SCARD_READERSTATE watched = {.szReader = reader};
        static const DWORD known[] = {0, 0x20, 0x10, 0x120, 0xA0, 0x10020, 0x3FF, 4, 8};
        watched.dwCurrentState = PICK(known);
        rv = SCardGetStatusChange(one->context, 0, &watched, 1);
        told(who, "change", rv);
        printf(" %lX %lX %lu\n", watched.dwCurrentState, watched.dwEventState, watched.cbAtr);
        return;
    }
    if (kind == 1) {
        char text[200];
        static const DWORD rooms[] = {200, 0, 5, 15, 16};
        length = PICK(rooms);
        rv = SCardListReaders(one->context, NULL, text, &length);
        told(who, "readers", rv);
        printf(" %lu\n", length);
        return;
    }
    if (kind == 2) {
        told(who, "cancel", SCardCancel(other->context));
        putchar('\n');
        return;
    }
    if (one->count == 0 || (kind == 3 && one->count < 3)) {
        if (held) return;
        connect_one(one, who, 1);
        return;
    }
    int place = one->holder >= 0 ? one->holder : (int)below(one->count);
    SCARDHANDLE card = one->cards[place];
    if (held) {
        /* What does not wait. */
        if (kind < 8) {
            told(who, "end", SCardEndTransaction(card, 0));
            putchar('\n');
        } else if (kind < 10) {
            rv = SCardDisconnect(card, 0);
            told(who, "disconnect", rv);
            putchar('\n');
            if (rv == SCARD_S_SUCCESS) forget(one, place);
        }
        return;
    }
    switch (kind) {
    case 4: case 5: {
        static const DWORD ways[] = {0, 0, 1, 2, 3, 7};
        static const DWORD protocols[] = {1, 3, 3, 2, 4};
        DWORD wanted = PICK(protocols), way = PICK(ways);
        /* To be alone it would wait for the others to go. */
        DWORD share = one->count == 1 && other->count == 0 && below(3) == 0 ? 1 : 2;
        rv = SCardReconnect(card, share, wanted, way, &protocol);
        told(who, "reconnect", rv);
        printf(" %lu %lu %lu: %lu\n", share, wanted, way, protocol);
        if (rv != SCARD_S_SUCCESS) break;
        if (share == 1) hold(one, place, 1);
        /* The last of its holds stays, as a transaction. */
        else if (one->holder == place && one->alone) {
            one->alone = 0;
            if (one->holds > 1) one->holds--;
        }
        break;
    }
    case 6: case 7: {
        static const DWORD ways[] = {0, 0, 1, 2, 3, 4};
        DWORD way = PICK(ways);
        rv = SCardDisconnect(card, way);
        told(who, "disconnect", rv);
        printf(" %lu\n", way);
        if (rv == SCARD_S_SUCCESS) forget(one, place);
        break;
    }
    case 8: case 9: case 10:
        rv = SCardBeginTransaction(card);
        told(who, "begin", rv);
        putchar('\n');
        if (rv == SCARD_S_SUCCESS) hold(one, place, 0);
        break;
    case 11: case 12: case 13: {
        static const DWORD ways[] = {0, 0, 0, 1, 2, 9};
        DWORD way = PICK(ways);
        rv = SCardEndTransaction(card, way);
        told(who, "end", rv);
        printf(" %lu\n", way);
        if (rv == SCARD_S_SUCCESS && one->holder == place && --one->holds == 0) one->holder = -1;
        break;
    }
    case 14: {
        char name[128];
        static const DWORD rooms[] = {128, 0, 4, 14, 15};
        DWORD room = PICK(rooms), seen = 0, atr_length = below(40);
        length = room;
        rv = SCardStatus(card, name, &length, &seen, &protocol, answer, &atr_length);
        told(who, "status", rv);
        printf(" %lu %lX %lu %lu\n", length, seen, protocol, atr_length);
        break;
    }
    case 15: {
        static const DWORD attributes[] = {0x90303, 0x80201, 0x10100, 0x77777, 0x90300};
        static const DWORD rooms[] = {264, 0, 3, 300};
        DWORD attribute = PICK(attributes);
        length = PICK(rooms);
        rv = SCardGetAttrib(card, attribute, answer, &length);
        told(who, "attribute", rv);
        printf(" %lX %lu\n", attribute, length);
        break;
    }
    case 16:
        rv = SCardControl(card, below(2) ? 0x42000D48 : 7, NULL, 0, answer, below(2) ? 300 : 3, &length);
        told(who, "control", rv);
        printf(" %lu\n", length);
        break;
    default: {
        static const DWORD protocols[] = {1, 1, 1, 1, 1, 2, 4};
        static const DWORD rooms[] = {300, 300, 300, 1, 0};
        SCARD_IO_REQUEST pci = {PICK(protocols), sizeof pci};
        int command = below(sizeof COMMANDS / sizeof *COMMANDS + 1);
        const BYTE *bytes = command ? COMMANDS[command - 1] + 1 : VERIFY;
        DWORD count = command ? COMMANDS[command - 1][0] : sizeof VERIFY;
        DWORD room = length = PICK(rooms);
        rv = SCardTransmit(card, &pci, bytes, count, NULL, answer, &length);
        told(who, "transmit", rv);
        printf(" %lu %d: %lu", pci.dwProtocol, command, length);
        /* A challenge is another one each time. */
        if (command != 5 && rv == SCARD_S_SUCCESS)
            for (DWORD i = 0; i < length && i < room; i++) printf(" %02X", answer[i]);
        putchar('\n');
    }
    }
}

static void play(unsigned long long seed) {
    struct one ones[2];
    state = seed * 0x9E3779B97F4A7C15ULL | 1;
    printf("sequence %llu\n", seed);
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol;
    /* A card that was just reset, whoever was there before. */
    LONG rv = SCardEstablishContext(2, NULL, NULL, &context);
    if (rv == SCARD_S_SUCCESS) rv = SCardConnect(context, reader, 2, 4, &card, &protocol);
    if (rv == SCARD_S_SUCCESS) rv = SCardDisconnect(card, 1);
    /* Unless it was pulled out. */
    if (rv == SCARD_E_NO_SMARTCARD) printf("no card\n");
    else if (rv != SCARD_S_SUCCESS) {
        printf("cannot begin: %lX\n", (unsigned long)rv);
        exit(3);
    }
    for (int i = 0; i < 2; i++) {
        memset(&ones[i], 0, sizeof ones[i]);
        ones[i].holder = -1;
        if (SCardEstablishContext(2, NULL, NULL, &ones[i].context) != SCARD_S_SUCCESS) exit(3);
    }
    for (int i = 0; i < 14; i++) call_one(ones, below(2));
    for (int i = 0; i < 2; i++) {
        told(i, "release", SCardReleaseContext(ones[i].context));
        putchar('\n');
    }
    SCardReleaseContext(context);
}

int main(int argc, char **argv) {
    unsigned long long first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    unsigned long long count = argc > 2 ? strtoull(argv[2], NULL, 10) : 100;
    SCARDCONTEXT context;
    DWORD length = sizeof reader;
    if (SCardEstablishContext(2, NULL, NULL, &context) != SCARD_S_SUCCESS) return 2;
    if (SCardListReaders(context, NULL, reader, &length) != SCARD_S_SUCCESS) return 2;
    SCardReleaseContext(context);
    for (unsigned long long seed = first; seed < first + count; seed++) play(seed);
    return 0;
}
