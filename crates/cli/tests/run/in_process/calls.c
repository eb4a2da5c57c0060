/* Every function of winscard.h, with good arguments and bad ones: what each gives, one line a call.
   Handles are left out, since they are nobody's business. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>
#include <reader.h>

static void code(const char *call, LONG rv) { printf("%s: %08lX\n", call, (unsigned long)rv); }

static void hex(const char *what, const unsigned char *bytes, DWORD length) {
    printf("  %s:", what);
    for (DWORD i = 0; i < length; i++) printf(" %02X", bytes[i]);
    printf(" (%lu)\n", length);
}

static void list(const char *what, const char *text, DWORD length) {
    printf("  %s (%lu):", what, length);
    for (DWORD i = 0; i < length; i++) putchar(text[i] ? text[i] : '|');
    putchar('\n');
}

static const BYTE SELECT[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
static const BYTE READ_DIR[] = {0x00, 0xA4, 0x02, 0x00, 0x02, 0x2F, 0x00};

static void contexts(void) {
    SCARDCONTEXT context = 77;
    code("establish without a place", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, NULL));
    code("establish in no scope", SCardEstablishContext(9, NULL, NULL, &context));
    printf("  context: %ld\n", context);
    for (DWORD scope = 0; scope < 4; scope++) {
        code("establish", SCardEstablishContext(scope, NULL, NULL, &context));
        printf("  is one: %d\n", context != 0);
        code("is valid", SCardIsValidContext(context));
        code("release", SCardReleaseContext(context));
        code("is valid after", SCardIsValidContext(context));
        code("release again", SCardReleaseContext(context));
    }
    LONG wrong[] = {0, -1, 1, 0x7FFFFFFF, 0x100000000L};
    for (int i = 0; i < 5; i++) {
        DWORD length = 0;
        char text[300];
        SCARDHANDLE card = 5;
        DWORD protocol = 5;
        SCARD_READERSTATE state = {.szReader = "Kortlab 00 00"};
        code("wrong: is valid", SCardIsValidContext(wrong[i]));
        code("wrong: release", SCardReleaseContext(wrong[i]));
        code("wrong: cancel", SCardCancel(wrong[i]));
        code("wrong: list readers", SCardListReaders(wrong[i], NULL, NULL, &length));
        length = sizeof text;
        code("wrong: list groups", SCardListReaderGroups(wrong[i], text, &length));
        code("wrong: free", SCardFreeMemory(wrong[i], NULL));
        code("wrong: connect", SCardConnect(wrong[i], "Kortlab 00 00", SCARD_SHARE_SHARED,
                                            SCARD_PROTOCOL_ANY, &card, &protocol));
        printf("  card %ld\n", card);
        code("wrong: status change", SCardGetStatusChange(wrong[i], 0, &state, 1));
    }
}

static void lists(SCARDCONTEXT context) {
    char text[400];
    char *made = NULL;
    DWORD length;
    code("readers without a length", SCardListReaders(context, NULL, text, NULL));
    length = 12345;
    code("readers: length", SCardListReaders(context, NULL, NULL, &length));
    printf("  %lu\n", length);
    DWORD whole = length;
    for (DWORD room = 0; room < whole; room += 5) {
        length = room;
        memset(text, '#', sizeof text);
        code("readers: short", SCardListReaders(context, NULL, text, &length));
        printf("  %lu %c\n", length, text[0]);
    }
    length = whole;
    memset(text, '#', sizeof text);
    code("readers: exact", SCardListReaders(context, NULL, text, &length));
    list("readers", text, length);
    printf("  behind: %c\n", text[length]);
    length = sizeof text;
    code("readers: more than enough", SCardListReaders(context, "a group\0", text, &length));
    list("readers", text, length);
    length = SCARD_AUTOALLOCATE;
    code("readers: allocated", SCardListReaders(context, NULL, (LPSTR)&made, &length));
    list("readers", made, length);
    code("free", SCardFreeMemory(context, made));
    code("free nothing", SCardFreeMemory(context, NULL));
    length = SCARD_AUTOALLOCATE;
    code("readers: allocated nowhere", SCardListReaders(context, NULL, NULL, &length));
    printf("  %lu\n", length);

    length = 0;
    code("groups: length", SCardListReaderGroups(context, NULL, &length));
    printf("  %lu\n", length);
    length = 3;
    code("groups: short", SCardListReaderGroups(context, text, &length));
    printf("  %lu\n", length);
    length = sizeof text;
    code("groups", SCardListReaderGroups(context, text, &length));
    list("groups", text, length);
    length = SCARD_AUTOALLOCATE;
    code("groups: allocated", SCardListReaderGroups(context, (LPSTR)&made, &length));
    list("groups", made, length);
    code("free", SCardFreeMemory(context, made));
    length = SCARD_AUTOALLOCATE;
    code("groups: allocated nowhere", SCardListReaderGroups(context, NULL, &length));
}

static void changes(SCARDCONTEXT context, const char *reader) {
    SCARD_READERSTATE states[20];
    memset(states, 0, sizeof states);
    code("change of nothing", SCardGetStatusChange(context, 0, NULL, 0));
    code("change of nowhere", SCardGetStatusChange(context, 0, NULL, 1));
    code("change without a name", SCardGetStatusChange(context, 0, states, 1));
    for (int i = 0; i < 20; i++) states[i].szReader = reader;
    code("change of too many", SCardGetStatusChange(context, 0, states, 17));
    states[0].szReader = "No such reader";
    states[0].dwEventState = 99;
    code("change of an unknown one", SCardGetStatusChange(context, 0, states, 1));
    printf("  %lX\n", states[0].dwEventState);
    states[0].dwCurrentState = SCARD_STATE_IGNORE;
    code("change of an ignored one", SCardGetStatusChange(context, 0, states, 1));
    printf("  %lX\n", states[0].dwEventState);
    DWORD known[] = {0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x120, 0xA0, 0x222, 0x400,
                     0x10020, 0x50020, 0x122, 0xFFFF0020, 0x100000020, 0x24, 0x28, 0x3FF};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        for (DWORD timeout = 0; timeout < 40; timeout += 30) {
            memset(states, 0, sizeof states);
            states[0].szReader = reader;
            states[0].dwCurrentState = known[i];
            states[0].dwEventState = 0x55;
            states[0].cbAtr = 3;
            states[1].szReader = "\\\\?pnp?\\NOTIFICATION";
            states[1].dwCurrentState = SCARD_STATE_IGNORE;
            code("change", SCardGetStatusChange(context, timeout, states, 2));
            printf("  %lX: %lX\n", known[i], states[0].dwEventState);
            hex("atr", states[0].rgbAtr, states[0].cbAtr);
        }
    }
    memset(states, 0, sizeof states);
    states[0].szReader = "\\\\?PnP?\\Notification";
    states[0].dwEventState = 7;
    code("change of the readers", SCardGetStatusChange(context, 0, states, 1));
    printf("  %lX %lu\n", states[0].dwEventState, states[0].cbAtr);
    code("cancel", SCardCancel(context));
}

static void connections(SCARDCONTEXT context, const char *reader) {
    SCARDHANDLE card = 5;
    DWORD protocol = 5;
    char name[200];
    code("connect nowhere",
         SCardConnect(context, reader, SCARD_SHARE_SHARED, 3, NULL, &protocol));
    code("connect without a protocol's place",
         SCardConnect(context, reader, SCARD_SHARE_SHARED, 3, &card, NULL));
    code("connect to no reader", SCardConnect(context, NULL, SCARD_SHARE_SHARED, 3, &card, &protocol));
    printf("  %ld\n", card);
    for (int length = 0; length < 140; length += 1 + (length < 120) * 30) {
        memset(name, 'x', sizeof name);
        name[length] = 0;
        code("connect to an unknown reader",
             SCardConnect(context, name, SCARD_SHARE_SHARED, 3, &card, &protocol));
        printf("  %d: %ld\n", length, card);
    }
    for (DWORD share = 0; share < 5; share++) {
        for (DWORD protocols = 0; protocols < 9; protocols++) {
            protocol = 5;
            LONG rv = SCardConnect(context, reader, share, protocols, &card, &protocol);
            code("connect", rv);
            printf("  %lu %lu: %lu\n", share, protocols, protocol);
            /* The reset takes the protocol that was chosen. */
            if (rv == SCARD_S_SUCCESS) code("disconnect", SCardDisconnect(card, SCARD_RESET_CARD));
            else printf("  card %ld\n", card);
        }
    }
}

static void status(SCARDHANDLE card) {
    char name[200];
    BYTE atr[40];
    char *made = NULL;
    BYTE *made_atr = NULL;
    DWORD length, atr_length, state, protocol;
    code("status of nothing", SCardStatus(card, NULL, NULL, NULL, NULL, NULL, NULL));
    length = atr_length = 0;
    state = protocol = 99;
    code("status: lengths", SCardStatus(card, NULL, &length, &state, &protocol, NULL, &atr_length));
    printf("  %lu %lu %lX %lu\n", length, atr_length, state, protocol);
    for (DWORD room = 0; room < 20; room += 3) {
        memset(name, '#', sizeof name);
        memset(atr, 0xEE, sizeof atr);
        length = room;
        atr_length = room;
        code("status", SCardStatus(card, name, &length, &state, &protocol, atr, &atr_length));
        printf("  %lu %lu %.*s\n", length, atr_length, (int)(room < length ? room : length), name);
        hex("atr", atr, room < atr_length ? room : atr_length);
    }
    length = sizeof name;
    atr_length = sizeof atr;
    code("status, all", SCardStatus(card, name, &length, NULL, NULL, atr, &atr_length));
    printf("  %s %lu\n", name, length);
    hex("atr", atr, atr_length);
    code("status into no room", SCardStatus(card, name, NULL, NULL, NULL, NULL, NULL));
    length = atr_length = SCARD_AUTOALLOCATE;
    code("status, allocated",
         SCardStatus(card, (LPSTR)&made, &length, NULL, NULL, (LPBYTE)&made_atr, &atr_length));
    printf("  %s %lu\n", made, length);
    hex("atr", made_atr, atr_length);
    free(made);
    free(made_atr);
    length = SCARD_AUTOALLOCATE;
    code("status, allocated nowhere", SCardStatus(card, NULL, &length, NULL, NULL, NULL, NULL));
}

static void transmits(SCARDHANDLE card) {
    static BYTE large[70000];
    BYTE answer[300];
    DWORD length = sizeof answer;
    SCARD_IO_REQUEST pci = {7, 9};
    code("transmit without a PCI", SCardTransmit(card, NULL, SELECT, 7, NULL, answer, &length));
    code("transmit nothing", SCardTransmit(card, SCARD_PCI_T0, NULL, 7, NULL, answer, &length));
    code("transmit to nowhere", SCardTransmit(card, SCARD_PCI_T0, SELECT, 7, NULL, NULL, &length));
    code("transmit without a length", SCardTransmit(card, SCARD_PCI_T0, SELECT, 7, NULL, answer, NULL));
    length = sizeof answer;
    code("transmit too much",
         SCardTransmit(card, SCARD_PCI_T0, large, sizeof large, NULL, answer, &length));
    printf("  %lu\n", length);
    const SCARD_IO_REQUEST *pcis[] = {SCARD_PCI_T0, SCARD_PCI_T1, SCARD_PCI_RAW, &pci};
    for (int i = 0; i < 4; i++) {
        printf("  PCI %lu %lu\n", pcis[i]->dwProtocol, pcis[i]->cbPciLength);
        SCARD_IO_REQUEST received = {3, 16};
        length = sizeof answer;
        code("transmit", SCardTransmit(card, pcis[i], SELECT, sizeof SELECT, &received, answer, &length));
        printf("  %lu %lu\n", received.dwProtocol, received.cbPciLength);
        hex("answer", answer, length < sizeof answer ? length : 0);
    }
    for (DWORD size = 0; size <= sizeof READ_DIR; size++) {
        length = sizeof answer;
        code("transmit a part", SCardTransmit(card, SCARD_PCI_T0, READ_DIR, size, NULL, answer, &length));
        hex("answer", answer, length < sizeof answer ? length : 0);
    }
    for (DWORD room = 0; room < 4; room++) {
        memset(answer, 0xEE, sizeof answer);
        length = room;
        code("transmit, short", SCardTransmit(card, SCARD_PCI_T0, SELECT, 7, NULL, answer, &length));
        printf("  %lu\n", length);
        hex("answer", answer, 4);
    }
    length = SCARD_AUTOALLOCATE;
    code("transmit, room without end",
         SCardTransmit(card, SCARD_PCI_T0, SELECT, 7, NULL, answer, &length));
    printf("  %lu\n", length);
}

static void controls(SCARDHANDLE card) {
    BYTE answer[300];
    DWORD length = 99;
    code("control", SCardControl(card, 0x42000D48, NULL, 0, answer, sizeof answer, &length));
    hex("answer", answer, length);
    code("control without a length",
         SCardControl(card, 0x42000D48, NULL, 0, answer, sizeof answer, NULL));
    for (DWORD room = 0; room < 8; room += 3) {
        length = 99;
        code("control, short", SCardControl(card, 0x42000D48, NULL, 0, answer, room, &length));
        printf("  %lu\n", length);
    }
    length = 99;
    code("control unknown", SCardControl(card, 1, answer, 5, answer, sizeof answer, &length));
    printf("  %lu\n", length);
    code("control too much", SCardControl(card, 1, answer, 70000, answer, sizeof answer, &length));
    BYTE value[300];
    BYTE *made = NULL;
    DWORD attributes[] = {SCARD_ATTR_VENDOR_NAME, SCARD_ATTR_VENDOR_IFD_TYPE,
                          SCARD_ATTR_VENDOR_IFD_VERSION, SCARD_ATTR_CHANNEL_ID,
                          SCARD_ATTR_ATR_STRING, SCARD_ATTR_ICC_PRESENCE,
                          SCARD_ATTR_CURRENT_PROTOCOL_TYPE, SCARD_ATTR_MAXINPUT,
                          SCARD_ATTR_DEVICE_FRIENDLY_NAME, 0x77777};
    for (int i = 0; i < 10; i++) {
        DWORD rooms[] = {264, 0, 3, 265, 300};
        for (int j = 0; j < 5; j++) {
            length = rooms[j];
            code("attribute", SCardGetAttrib(card, attributes[i], value, &length));
            printf("  %lu\n", length);
            hex("value", value, length < rooms[j] ? length : 0);
        }
        length = 5;
        code("attribute, length", SCardGetAttrib(card, attributes[i], NULL, &length));
        printf("  %lu\n", length);
        length = SCARD_AUTOALLOCATE;
        LONG rv = SCardGetAttrib(card, attributes[i], (LPBYTE)&made, &length);
        code("attribute, allocated", rv);
        if (rv == SCARD_S_SUCCESS) hex("value", made, length);
        free(made);
    }
    length = SCARD_AUTOALLOCATE;
    code("attribute, allocated nowhere", SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, NULL, &length));
    code("attribute without a length", SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, NULL));
    code("set attribute", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, value, 4));
    code("set nothing", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, NULL, 4));
    code("set no bytes", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, value, 0));
    code("set too much", SCardSetAttrib(card, SCARD_ATTR_ATR_STRING, value, 265));
}

static void of_no_handle(SCARDHANDLE card) {
    BYTE bytes[300];
    char name[300];
    DWORD length = 300, other = 300, state = 9, protocol = 9;
    code("no handle: status",
         SCardStatus(card, name, &length, &state, &protocol, bytes, &other));
    printf("  %lu %lu %lu %lu\n", length, other, state, protocol);
    length = 300;
    code("no handle: transmit", SCardTransmit(card, SCARD_PCI_T0, SELECT, 7, NULL, bytes, &length));
    printf("  %lu\n", length);
    code("no handle: control", SCardControl(card, 1, NULL, 0, bytes, 300, &length));
    printf("  %lu\n", length);
    length = 300;
    code("no handle: attribute", SCardGetAttrib(card, 1, bytes, &length));
    printf("  %lu\n", length);
    code("no handle: set", SCardSetAttrib(card, 1, bytes, 3));
    code("no handle: begin", SCardBeginTransaction(card));
    code("no handle: end", SCardEndTransaction(card, SCARD_LEAVE_CARD));
    code("no handle: reconnect", SCardReconnect(card, SCARD_SHARE_SHARED, 3, 0, &protocol));
    printf("  %lu\n", protocol);
    code("no handle: reconnect without a place", SCardReconnect(card, SCARD_SHARE_SHARED, 3, 0, NULL));
    code("no handle: disconnect", SCardDisconnect(card, SCARD_LEAVE_CARD));
}

static void handles(SCARDCONTEXT context, const char *reader) {
    SCARDHANDLE card, second;
    SCARDCONTEXT other;
    DWORD protocol;
    code("connect", SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol));
    printf("  %lu\n", protocol);
    status(card);
    transmits(card);
    controls(card);
    changes(context, reader);
    code("end nothing", SCardEndTransaction(card, SCARD_LEAVE_CARD));
    code("begin", SCardBeginTransaction(card));
    code("begin again", SCardBeginTransaction(card));
    code("end wrongly", SCardEndTransaction(card, 7));
    code("end", SCardEndTransaction(card, SCARD_RESET_CARD));
    BYTE answer[10];
    DWORD length = sizeof answer;
    code("transmit after the reset", SCardTransmit(card, SCARD_PCI_T0, SELECT, 7, NULL, answer, &length));
    code("reconnect", SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol));
    printf("  %lu\n", protocol);
    code("end the other", SCardEndTransaction(card, SCARD_LEAVE_CARD));
    for (DWORD initialization = 0; initialization < 5; initialization++) {
        protocol = 9;
        code("reconnect", SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, initialization, &protocol));
        printf("  %lu: %lu\n", initialization, protocol);
    }
    code("reconnect in no mode", SCardReconnect(card, 9, SCARD_PROTOCOL_ANY, 0, &protocol));
    code("reconnect with T=1", SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, 0, &protocol));
    code("reconnect alone", SCardReconnect(card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, 0, &protocol));
    code("establish", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &other));
    code("connect beside it", SCardConnect(other, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &second, &protocol));
    changes(other, reader);
    code("release the one with nothing", SCardReleaseContext(other));
    for (DWORD disposition = 9; disposition > 2; disposition -= 3)
        code("disconnect wrongly", SCardDisconnect(card, disposition == 3 ? 4 : disposition));
    code("disconnect", SCardDisconnect(card, SCARD_UNPOWER_CARD));
    of_no_handle(card);
    of_no_handle(0);
    of_no_handle(-1);
    of_no_handle(0x100000001L);
    code("connect", SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol));
    code("release with a handle", SCardReleaseContext(context));
    of_no_handle(card);
}

int main(int argc, char **argv) {
    SCARDCONTEXT context;
    const char *reader = argc > 1 ? argv[1] : "Kortlab 00 00";
    for (unsigned long i = 0; i < 0x72; i++)
        printf("%s\n", pcsc_stringify_error(0x80100000UL + i));
    printf("%s\n", pcsc_stringify_error(0));
    printf("%s\n", pcsc_stringify_error(5));
    contexts();
    code("establish", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context));
    lists(context);
    connections(context, reader);
    handles(context, reader);
    return 0;
}
