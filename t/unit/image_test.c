
/*
 * Prevents figures that a reboot loses or gives to another tenant, and instants
 * of a clock that began anew taken for those of the one before.
 */

#include "zone.h"

#include "ngx_soporte_image.h"


#define WALL  ((int64_t) NOW * 1000)         /* ms, when the image is made */
#define MONO  5000000                        /* ms, then */


static u_char                      *bytes;
static ngx_soporte_image_result_t   read_result;


/* the whole of it, in memory that ASan watches */

static ngx_str_t
image_of(ngx_soporte_zone_t *zone)
{
    size_t                size, len, n;
    u_char               *piece;
    ngx_str_t             data;
    ngx_soporte_image_t   image;

    size = ngx_soporte_image_begin(&image, zone, WALL, MONO);
    bytes = malloc(size);
    piece = malloc(NGX_SOPORTE_IMAGE_PIECE);

    for (len = 0; (n = ngx_soporte_image_next(&image, piece)) != 0; len += n) {
        assert_true(n <= NGX_SOPORTE_IMAGE_PIECE);
        assert_true(len + n <= size);
        memcpy(bytes + len, piece, n);
    }

    free(piece);
    assert_int_equal(len, size);

    data.data = bytes;
    data.len = len;

    return data;
}


/* another life: the file is gone, the clocks are those of now */

static ngx_soporte_zone_t
reborn(ngx_soporte_zone_t *zone, ngx_str_t *data, ngx_uint_t tenants,
    int64_t wall, int64_t mono)
{
    ngx_soporte_zone_t  other;

    ngx_soporte_zone_close(zone);
    (void) unlink(file);

    other = zone_of(tenants);
    assert_int_equal(ngx_soporte_zone_open(&other, wall / 1000, &result),
                     NGX_OK);
    assert_int_equal(ngx_soporte_image_read(&other, data, wall, mono,
                                            &read_result), NGX_OK);
    ngx_soporte_zone_commit(&other);
    free(bytes);

    return other;
}


static ngx_soporte_tenant_t *
find(ngx_soporte_zone_t *zone, const char *key)
{
    return ngx_soporte_tenant_find(zone, (const u_char *) key, strlen(key));
}


static void
all_comes_back(void **state)
{
    char                   key[16];
    uint32_t               i;
    ngx_str_t              data;
    ngx_soporte_zone_t     zone;
    ngx_soporte_tenant_t  *t;

    zone = zone_open(2000);
    zone.header->began = NOW - 1000;
    zone.header->alive = NOW - 1;
    zone.header->tickets[2] = 5;
    zone.header->clock.slot = NOW / 10;
    zone.header->clock.wall = WALL - 100;
    zone.header->clock.mono = MONO - 100;

    for (i = 0; i < 1500; i++) {
        snprintf(key, sizeof(key), "t%u", i);
        t = ngx_soporte_tenant_get(&zone, (u_char *) key, strlen(key), i % 2,
                                   NOW - 500);
        t->bank[1].good = i;
        t->hist[7] = i;
        t->history.month[0].down[1] = i % 100;
        t->history.outages.count = i;
        t->detect.began = MONO - 3000;
        t->state = NGX_SOPORTE_STATE_DOWN;
        t->since = NOW - 3;
        t->gate = NGX_SOPORTE_GATE_RESTORE;
        t->streak = 9;
    }

    ngx_soporte_tenant(&zone, NGX_SOPORTE_OTHER)->bank[0].hard = 77;

    data = image_of(&zone);
    assert_int_equal(ngx_soporte_image_slots(&data, &read_result), 1501);

    /* 40 s later, the clock began anew 30 s ago; in another order of slots */

    zone = reborn(&zone, &data, 1700, WALL + 40000, 30000);

    assert_int_equal(read_result.tenants, 1501);
    assert_int_equal(read_result.left_out, 0);
    assert_int_equal(read_result.age, 40);
    assert_int_equal(zone.header->began, NOW - 1000);
    assert_int_equal(zone.header->alive, NOW - 1);
    assert_int_equal(zone.header->tickets[2], 5);
    assert_int_equal(zone.header->clock.wall - (WALL - 100), 0);
    assert_int_equal(zone.header->clock.mono, 30000 - 40000 - 100);
    assert_int_equal(ngx_soporte_tenant(&zone, 0)->bank[0].hard, 77);
    assert_int_equal(zone.header->used, 1501);

    for (i = 0; i < 1500; i++) {
        snprintf(key, sizeof(key), "t%u", i);
        t = find(&zone, key);
        assert_non_null(t);
        assert_int_equal(t->bank[1].good, i);
        assert_int_equal(t->hist[7], i);
        assert_int_equal(t->history.month[0].down[1], i % 100);
        assert_int_equal(t->history.outages.count, i);
        assert_int_equal(t->began, NOW - 500);
        assert_int_equal(t->since, NOW - 3);
        assert_int_equal(t->state, NGX_SOPORTE_STATE_DOWN);
        assert_int_equal(!(t->flags & NGX_SOPORTE_TENANT_DYNAMIC), i % 2 == 0);

        /* 3 s before the image, that is 43 s ago */

        assert_int_equal(t->detect.began, 30000 - 43000);

        /* what is of the moment */

        assert_int_equal(t->gate, NGX_SOPORTE_GATE_OPEN);
        assert_int_equal(t->streak, 0);
    }

    ngx_soporte_zone_close(&zone);
}


static void
a_wall_clock_that_is_behind(void **state)
{
    ngx_str_t           data;
    ngx_soporte_zone_t  zone;

    zone = zone_open(4);
    tenant_of(&zone, "acme")->detect.began = MONO;
    data = image_of(&zone);

    zone = reborn(&zone, &data, 4, WALL - 3600000, 10);
    assert_int_equal(read_result.age, 0);
    assert_int_equal(find(&zone, "acme")->detect.began, 10);
    ngx_soporte_zone_close(&zone);
}


static void
a_damaged_slot_is_left_out(void **state)
{
    ngx_str_t           data;
    ngx_soporte_zone_t  zone;

    zone = zone_open(4);
    tenant_of(&zone, "acme")->bank[0].good = 1;
    tenant_of(&zone, "bad")->state = 99;
    tenant_of(&zone, "worse")->key[0] = '/';
    tenant_of(&zone, "zeta")->bank[0].good = 2;
    data = image_of(&zone);

    zone = reborn(&zone, &data, 4, WALL, MONO);
    assert_int_equal(read_result.tenants, 3);
    assert_int_equal(read_result.left_out, 2);
    assert_null(find(&zone, "bad"));
    assert_int_equal(goods(find(&zone, "acme")), 1);
    assert_int_equal(goods(find(&zone, "zeta")), 2);
    ngx_soporte_zone_close(&zone);
}


static ngx_soporte_notice_t
notice_of(ngx_uint_t kind, uint32_t tenant, u_char id)
{
    ngx_soporte_notice_t  notice;

    memset(&notice, 0, sizeof(notice));
    notice.kind = kind;
    notice.tenant = tenant;
    notice.id[0] = id;
    notice.version = id;
    notice.began = NOW - 60;
    notice.updated = NOW - 60;
    notice.progress = -1;
    notice.message_len = 4;
    memcpy(notice.message, "hola", 4);

    return notice;
}


/* more than a piece of them; each is its tenant's, wherever that is now */

static void
words_come_back(void **state)
{
    char                   key[16];
    uint32_t               i;
    ngx_str_t              data;
    ngx_soporte_zone_t     zone;
    ngx_soporte_update_t   said[4];
    ngx_soporte_notice_t   notice;
    ngx_soporte_tenant_t  *t, *lost;

    zone = zone_open(600);

    /* a slot that nobody has stands before them all */

    lost = tenant_of(&zone, "lost");
    lost->flags = 0;

    for (i = 0; i < 480; i++) {
        snprintf(key, sizeof(key), "t%u", i);
        t = tenant_of(&zone, key);
        notice = notice_of(NGX_SOPORTE_BOARD_INCIDENT,
                           ngx_soporte_tenant_index(&zone, t), 1);
        notice.id[1] = i;
        notice.id[2] = i >> 8;
        notice.flags = NGX_SOPORTE_NOTICE_BLOCK
                       | (i % 2 ? NGX_SOPORTE_NOTICE_FILED : 0);
        assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW),
                         NGX_OK);
    }

    notice = notice_of(NGX_SOPORTE_BOARD_MAINTENANCE, NGX_SOPORTE_ALL, 9);
    notice.began = NOW + 3600;
    notice.ends = NOW + 7200;
    notice.announced = NOW - 86400;
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);

    data = image_of(&zone);
    zone = reborn(&zone, &data, 600, WALL + 10000, MONO + 10000);

    assert_int_equal(read_result.notices, 481);
    assert_int_equal(read_result.left_out, 0);

    for (i = 0; i < 480; i++) {
        snprintf(key, sizeof(key), "t%u", i);
        t = find(&zone, key);
        assert_int_equal(t->gate, NGX_SOPORTE_GATE_INCIDENT);
        assert_int_equal(ngx_soporte_board_read(&zone, t, &notice), NGX_OK);
        assert_int_equal(notice.id[1], i & 0xff);
        assert_int_equal(notice.tenant, ngx_soporte_tenant_index(&zone, t));
        assert_memory_equal(notice.message, "hola", 4);
        assert_int_equal(ngx_soporte_board_timeline(&zone, notice.id, said,
                                                    4), 1);
        assert_int_equal(notice.flags & NGX_SOPORTE_NOTICE_FILED,
                         i % 2 ? NGX_SOPORTE_NOTICE_FILED : 0);
        assert_int_equal(said[0].flags,
                         notice.flags & NGX_SOPORTE_NOTICE_FILED);
    }

    memset(notice.id, 0, sizeof(notice.id));
    notice.id[0] = 9;
    assert_int_equal(ngx_soporte_board_get(&zone, notice.id, &notice), NGX_OK);
    assert_int_equal(notice.announced, NOW - 86400);
    assert_int_equal(zone.board->due, NOW + 3600);
    ngx_soporte_zone_close(&zone);
}


static void
a_damaged_notice_is_left_out(void **state)
{
    ngx_str_t              data;
    ngx_soporte_zone_t     zone;
    ngx_soporte_notice_t   notice;

    zone = zone_open(4);
    notice = notice_of(NGX_SOPORTE_BOARD_RESTORE,
                       ngx_soporte_tenant_index(&zone,
                                                tenant_of(&zone, "acme")), 1);
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    notice = notice_of(NGX_SOPORTE_BOARD_RESTORE, NGX_SOPORTE_ALL, 2);
    assert_int_equal(ngx_soporte_board_merge(&zone, &notice, NOW), NGX_OK);
    zone.board->entries[1].notice.phase = 77;
    data = image_of(&zone);

    zone = reborn(&zone, &data, 4, WALL, MONO);
    assert_int_equal(read_result.notices, 1);
    assert_int_equal(read_result.left_out, 1);
    ngx_soporte_zone_close(&zone);
}


/* by a program whose fields are others: what it knows is read */

static void
another_layout(void **state)
{
    uint16_t            *field;
    ngx_uint_t           i;
    ngx_str_t            data;
    ngx_soporte_zone_t   zone;

    zone = zone_open(4);
    zone.header->tickets[0] = 4;
    tenant_of(&zone, "acme")->bank[0].good = 1;
    tenant_of(&zone, "acme")->excluded = 2;
    tenant_of(&zone, "acme")->hist[0] = 3;
    tenant_of(&zone, "acme")->history.hist.total = 3;
    data = image_of(&zone);

    /* lists of {id, size} stand behind a head of 56 bytes */

    for (i = 0, field = (uint16_t *) (data.data + 56); i < 36; i++, field += 2)
    {
        if (i >= 14 && field[0] == 16) {
            field[0] = 999;                  /* hist, as if unknown */
        }

        if (i < 14 && field[0] == 7) {
            field[0] = 999;
        }
    }

    zone = reborn(&zone, &data, 4, WALL, MONO);
    assert_int_equal(zone.header->tickets[0], 0);
    assert_int_equal(goods(find(&zone, "acme")), 1);
    assert_int_equal(find(&zone, "acme")->excluded, 2);
    assert_int_equal(find(&zone, "acme")->hist[0], 0);

    /* windows are nothing without it */

    assert_int_equal(find(&zone, "acme")->history.hist.total, 0);
    ngx_soporte_zone_close(&zone);
}


static void
no_image(void **state)
{
    size_t                       i, len;
    u_char                      *part;
    ngx_str_t                    data, torn;
    ngx_soporte_zone_t           zone;
    ngx_soporte_image_result_t   r;

    zone = zone_open(4);
    (void) tenant_of(&zone, "acme");
    data = image_of(&zone);
    len = data.len;

    for (i = 0; i < len; i += 1 + i / 16) {
        part = malloc(i ? i : 1);
        memcpy(part, bytes, i);
        torn.data = part;
        torn.len = i;

        assert_int_equal(ngx_soporte_image_slots(&torn, &r), 0);
        assert_non_null(r.what);
        free(part);
    }

    /* each word of the head and of the lists */

    for (i = 0; i < 56 + 36 * 4; i += 4) {
        bytes[i + 3] ^= 0x55;
        (void) ngx_soporte_image_slots(&data, &r);
        bytes[i + 3] ^= 0x55;
    }

    bytes[0] ^= 1;
    assert_int_equal(ngx_soporte_image_read(&zone, &data, WALL, MONO, &r),
                     NGX_ERROR);
    assert_non_null(strstr(r.what, "another program"));

    free(bytes);
    ngx_soporte_zone_close(&zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        zone_test(all_comes_back),
        zone_test(a_wall_clock_that_is_behind),
        zone_test(a_damaged_slot_is_left_out),
        zone_test(words_come_back),
        zone_test(a_damaged_notice_is_left_out),
        zone_test(another_layout),
        zone_test(no_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
