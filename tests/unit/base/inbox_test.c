#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/bytes.h"
#include "base/inbox.h"

struct letter {
    struct inbox_link link;
    int sender;
    int number;
};

static void letters_come_oldest_first_and_once(void **state)
{
    struct inbox inbox = {NULL};
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    int expected = 0;

    (void)state;
    assert_null(inbox_take(&inbox));
    for (int i = 0; i < 3; i++)
        assert_int_equal(inbox_put(&inbox, &letters[i].link), i == 0);
    for (struct inbox_link *link = inbox_take(&inbox); link; link = link->next)
        assert_int_equal(container_of(link, struct letter, link)->number, expected++);
    assert_int_equal(expected, 3);
    assert_null(inbox_take(&inbox));
    assert_true(inbox_put(&inbox, &letters[0].link));
}

enum { SENDERS = 3, LETTERS = 20000 };

struct sender {
    struct inbox *inbox;
    struct letter *letters;
    int wakes; /* puts that found the inbox empty */
};

static void *send_letters(void *argument)
{
    struct sender *sender = argument;

    for (int i = 0; i < LETTERS; i++)
        sender->wakes += inbox_put(sender->inbox, &sender->letters[i].link);
    return NULL;
}

static struct letter letters[SENDERS][LETTERS];

static void no_letter_of_many_senders_is_lost_or_reordered(void **state)
{
    struct inbox inbox = {NULL};
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0};
    int received = 0;
    int takes = 0;
    int wakes = 0;

    (void)state;
    for (int i = 0; i < SENDERS; i++) {
        for (int j = 0; j < LETTERS; j++)
            letters[i][j] = (struct letter){.sender = i, .number = j};
        senders[i] = (struct sender){.inbox = &inbox, .letters = letters[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    while (received < SENDERS * LETTERS) {
        struct inbox_link *link = inbox_take(&inbox);
        takes += link != NULL;
        for (; link; link = link->next, received++) {
            struct letter *letter = container_of(link, struct letter, link);
            assert_int_equal(letter->number, next[letter->sender]++);
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        wakes += senders[i].wakes;
    }
    assert_int_equal(wakes, takes); /* each batch had exactly one sender to announce it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_oldest_first_and_once),
        cmocka_unit_test(no_letter_of_many_senders_is_lost_or_reordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
