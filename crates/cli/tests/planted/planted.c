/* PC/SC programs with one planted bug each, chosen by the first argument. Each is of a class of bugs
 * that answers of cards have found in real programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

static SCARDCONTEXT context;
static SCARDHANDLE card;
static DWORD protocol;
static unsigned char answer[258];
static DWORD count;

/* One command; gives SW1 SW2, or 0 if there is none. */
static unsigned transmit(const unsigned char *command, DWORD length)
{
    const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    count = sizeof answer;
    if (SCardTransmit(card, pci, command, length, NULL, answer, &count) != SCARD_S_SUCCESS || count < 2)
        return 0;
    count -= 2;
    return (unsigned)answer[count] << 8 | answer[count + 1];
}

static unsigned select_file(const unsigned char *data, unsigned char length, unsigned char p1)
{
    unsigned char command[32] = {0x00, 0xA4, p1, 0x00, length};
    memcpy(command + 5, data, length);
    unsigned sw = transmit(command, 5 + length);
    if (sw >> 8 == 0x61) {
        unsigned char more[5] = {0x00, 0xC0, 0x00, 0x00, sw & 0xFF};
        sw = transmit(more, sizeof more);
    }
    return sw;
}

/* The object with this tag in the control information, if it is whole. */
static const unsigned char *object(unsigned char tag, unsigned char *length)
{
    for (DWORD at = 2; at + 2 <= count && at + 2 + answer[at + 1] <= count; at += 2 + answer[at + 1])
        if (answer[at] == tag) {
            *length = answer[at + 1];
            return answer + at + 2;
        }
    return NULL;
}

static const unsigned char AID[] = {0xA0, 0, 0, 0, 0x63, 'P', 'K', 'C', 'S', '-', '1', '5'};

/* The name of a DF has at most 16 bytes, says the standard. */
static int name(void)
{
    unsigned char length = 0;
    if (select_file(AID, sizeof AID, 0x04) != 0x9000)
        return 1;
    const unsigned char *found = object(0x84, &length);
    if (!found)
        return 1;
    unsigned char *copy = malloc(16);
    memcpy(copy, found, length);
    printf("%u bytes, the first %02X\n", length, copy[0]);
    free(copy);
    return 0;
}

/* The card will say some day that this was all. */
static int endless(void)
{
    unsigned char command[5 + sizeof AID] = {0x00, 0xA4, 0x04, 0x00, sizeof AID};
    memcpy(command + 5, AID, sizeof AID);
    unsigned sw = transmit(command, sizeof command);
    while (sw >> 8 == 0x61) {
        unsigned char more[5] = {0x00, 0xC0, 0x00, 0x00, sw & 0xFF};
        sw = transmit(more, sizeof more);
    }
    return sw != 0x9000;
}

/* A PIN has three tries, as everybody knows. */
static int counter(void)
{
    static const unsigned char ask[] = {0x00, 0x20, 0x00, 0x81};
    if (select_file(AID, sizeof AID, 0x04) != 0x9000)
        return 1;
    unsigned sw = transmit(ask, sizeof ask);
    char **words = calloc(4, sizeof *words);
    words[0] = "none", words[1] = "one", words[2] = "two", words[3] = "three";
    if ((sw & 0xFFF0) == 0x63C0)
        puts(words[sw & 0xF]);
    free(words);
    return 0;
}

/* A name that is too long is cut, and so it is said; a counter that is too high is said, too. Each alone
 * does no harm. */
static int both(void)
{
    static const unsigned char ask[] = {0x00, 0x20, 0x00, 0x81};
    unsigned char length = 0;
    int was_cut = 0;
    if (select_file(AID, sizeof AID, 0x04) != 0x9000)
        return 1;
    const unsigned char *found = object(0x84, &length);
    if (!found)
        return 1;
    if (length > 16) {
        puts("the name was cut");
        was_cut = 1;
    }
    unsigned sw = transmit(ask, sizeof ask);
    if ((sw & 0xFFF0) == 0x63C0 && (sw & 0xF) > 3) {
        puts("more tries than there can be");
        if (was_cut)
            abort();
    }
    return 0;
}

/* 9000 comes with the data. */
static int empty(void)
{
    static const unsigned char odf[] = {0x3F, 0x00, 0x50, 0x15, 0x50, 0x31};
    static const unsigned char read[] = {0x00, 0xB0, 0x00, 0x00, 0x20};
    if (select_file(odf + 2, 4, 0x08) != 0x9000)
        return 1;
    if (transmit(read, sizeof read) != 0x9000)
        return 1;
    unsigned char *copy = malloc(count ? count : 1);
    memcpy(copy, answer, count);
    int tag = copy[1];
    free(copy);
    return tag == 0;
}

/* Nobody waits for a card that is slow; but nobody looks whether it was pulled out either. */
static int deaf(void)
{
    static const unsigned char challenge[] = {0x00, 0x84, 0x00, 0x00, 0x08};
    while (transmit(challenge, sizeof challenge) == 0)
        ;
    return 0;
}

/* The control information says how long the file is; so much of it there is. */
static int shows(void)
{
    static const unsigned char odf[] = {0x50, 0x15, 0x50, 0x31};
    unsigned char length = 0;
    if (select_file(odf, sizeof odf, 0x08) != 0x9000)
        return 1;
    const unsigned char *found = object(0x81, &length);
    if (!found || length != 2)
        return 1;
    unsigned size = (unsigned)found[0] << 8 | found[1];
    unsigned char *file = malloc(65536 + 256);
    for (unsigned at = 0; at < size; at += count) {
        unsigned char read[5] = {0x00, 0xB0, at >> 8, at & 0xFF, size - at < 0x20 ? size - at : 0x20};
        if (transmit(read, sizeof read) != 0x9000 || count == 0)
            break;
        memcpy(file + at, answer, count);
    }
    for (unsigned at = 0; at < size; at++)
        printf("%02X%s", file[at], at % 16 == 15 || at + 1 == size ? "\n" : " ");
    free(file);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int (*run)(void); } bugs[] = {
        {"name", name}, {"endless", endless}, {"counter", counter}, {"both", both}, {"empty", empty}, {"deaf", deaf},
        {"shows", shows},
    };
    if (argc != 2 || SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
        return 2;
    if (SCardConnect(context, "Kortlab 00 00", SCARD_SHARE_SHARED,
                     SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol) != SCARD_S_SUCCESS)
        return 2;
    int code = 2;
    for (unsigned at = 0; at < sizeof bugs / sizeof *bugs; at++)
        if (!strcmp(argv[1], bugs[at].name))
            code = bugs[at].run();
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    SCardReleaseContext(context);
    return code;
}
