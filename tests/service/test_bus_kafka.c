/* What only the bus on Kafka has: a broker that goes and comes, a relay that is killed, messages of others,
 * and what stands on the wire.
 *
 * harness: kafka
 */
#include <librdkafka/rdkafka.h>

#include "fcgi/base/buf.h"
#include "tests/service/bus.h"

static void set_up(void) { set_up_on(true); }

/* For those that count exactly: a worker that gives up a slow database does again what it could not note. */
static void wait_for_the_database(void) { config.server_timeout_ms = PATIENCE_MS; }

/* ---- The broker, as the harness has it */

static void broker(const char *verb) {
    char command[600];
    snprintf(command, sizeof command, "bash '%s/tests/harness/stack.sh' server %s kafka >/dev/null 2>&1",
             server_of("TEST_ROOT"), verb);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/bash", "bash", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the broker does not %s", verb);
}

static rd_kafka_conf_t *client_conf(rd_kafka_type_t type) {
    char brokers[100], group[200];
    const char *slash = strrchr(bus_setting, '/');
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    snprintf(brokers, sizeof brokers, "%.*s", (int)(slash - bus_setting - 8), bus_setting + 8);
    snprintf(group, sizeof group, "%s.test_consumer", slash + 1);
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
    if (type == RD_KAFKA_CONSUMER) {
        rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
        rd_kafka_conf_set(conf, "enable.auto.commit", "false", NULL, 0);
        rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
    }
    return conf;
}

static rd_kafka_t *client_of(rd_kafka_conf_t *conf, rd_kafka_type_t type) {
    char words[300];
    rd_kafka_t *rk = rd_kafka_new(type, conf, words, sizeof words);
    ck_assert_msg(rk != NULL, "%s", words);
    return rk;
}

static rd_kafka_t *client(rd_kafka_type_t type) { return client_of(client_conf(type), type); }

/* As the broker knows it. */
static const char *topic_there(const char *topic) {
    static char name[250];
    snprintf(name, sizeof name, "%s.%s", strrchr(bus_setting, '/') + 1, topic);
    return name;
}

static const char *topic(void) { return topic_there("test.v1"); }

static rd_kafka_topic_partition_list_t *partitions_from(int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(3);
    for (int p = 0; p < 3; p++)
        rd_kafka_topic_partition_list_add(list, topic(), p)->offset = offset;
    return list;
}

/* ---- Broker and relay */

/* While the broker is down writes go on and wait, which the lag says; then all come, in order. */
static void outage(const char *verb) {
    int64_t events, age;
    bool has_relay;
    shared->act = true;
    pid_t pid = start(&app);
    emit(20, "test.v1", "good");
    ck_assert(wait_acts(20, PATIENCE_MS));
    broker(verb);
    for (int i = 0; i < 10; i++)
        emit(30, "test.v1", "good");
    nap(1500);
    ck_ok(&ctx, bus_lag(&ctx, "test_consumer", &events, &age));
    ck_assert_int_eq(events, 300);
    ck_assert_int_ge(age, 1400);
    ck_ok(&ctx, bus_lag_relay(&ctx, &has_relay, &events, &age));
    ck_assert(has_relay);
    ck_assert_int_eq(events, 300);
    struct buf words;
    buf_init(&words, ctx.arena, 1000);
    ck_code(&ctx, bus_ping(&ctx, &words), UNAVAILABLE);
    ck_assert_str_eq(as_admin("SELECT count(*) FROM acts"), "20");
    broker("start");
    ck_assert(wait_acts(320, PATIENCE_MS));
    ck_ok(&ctx, bus_ping(&ctx, &words));
    ck_assert_ptr_nonnull(strstr(buf_str(&words), "1 broker"));
    emit(10, "test.v1", "good");
    ck_assert(wait_acts(330, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    check_acts(330);
    ck_ok(&ctx, bus_lag(&ctx, "test_consumer", &events, &age));
    ck_assert_int_eq(events, 0);
}

START_TEST(the_broker_is_stopped_for_a_while) { outage("stop"); }
END_TEST

START_TEST(the_broker_is_killed) { outage("kill"); }
END_TEST

/* With the broker down a worker also starts, and ends when it is told to. */
START_TEST(a_worker_starts_without_a_broker) {
    shared->act = true;
    broker("stop");
    emit(10, "test.v1", "good");
    pid_t pid = start(&app);
    nap(1500);
    int64_t begun = clock_mono_us();
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_lt(clock_mono_us() - begun, 8000000);
    pid = start(&app);
    nap(1000);
    broker("start");
    ck_assert(wait_acts(10, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    check_acts(10);
}
END_TEST

/* The worker that is the relay is killed again and again while events come; those whose arrival was not noted
 * are published twice. */
START_TEST(the_relay_is_killed) {
    shared->act = true;
    pid_t relay = start_as(0, &app), other = start_as(1, &app);
    int emitted = 0;
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 10; k++, emitted += 20) {
            emit(20, "test.v1", "good");
            nap(20 + 7 * i);
        }
        kill_worker(0, relay);
        relay = start_as(0, &app);
    }
    ck_assert(wait_acts(emitted, PATIENCE_MS));
    ck_assert_int_eq(end(relay, SIGTERM), 0);
    ck_assert_int_eq(end(other, SIGTERM), 0);
    check_acts(emitted);
    ck_assert_int_eq(shared->overlaps, 0);
}
END_TEST

/* What is published twice is handed out once: as after a crash between the broker's answer and the note of
 * it. */
START_TEST(published_twice_handed_out_once) {
    wait_for_the_database();
    pid_t pid = start(&app);
    emit(50, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 50, PATIENCE_MS));
    ck_assert(
        wait_sql("SELECT sum(next_offset) FROM events.published WHERE topic = 'test.v1'", "50", PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    int64_t n;
    ck_ok(&ctx, bus_rewind(&ctx, "relay", &(struct bus_from){0}, &n));
    ck_assert_int_eq(n, 1);
    pid = start(&app);
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 55, PATIENCE_MS));
    ck_assert(wait_sql("SELECT sum(next_offset) FROM events.published WHERE topic = 'test.v1'", "105",
                       PATIENCE_MS));
    ck_assert(
        wait_sql("SELECT sum(next_offset) FROM events.consumer WHERE topic = 'test.v1'", "105", PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 55);
}
END_TEST

/* The most events that one call was handed. */
static int largest_batch(void) {
    int most = 0, n = 0;
    for (int i = 0; i < shared->n; i++) {
        n = i > 0 && shared->log[i].call == shared->log[i - 1].call ? n + 1 : 1;
        most = n > most ? n : most;
    }
    return most;
}

/* A batch is full where there is much in one partition and nothing in the five others, of which somebody else
 * runs three. */
START_TEST(one_partition_fills_a_batch) {
    wait_for_the_database();
    PGconn *other = PQconnectdb(pg_admin_of_tests());
    PGresult *locked =
        PQexec(other, "SELECT pg_advisory_lock(hashtextextended('consumer test_consumer/other.v1/' || i, 0)) "
                      "FROM generate_series(0, 2) AS i");
    ck_assert_int_eq(PQresultStatus(locked), PGRES_TUPLES_OK);
    PQclear(locked);
    shared->linger_ms = 100;
    pid_t pid = start(&app);
    as_admin("SELECT count(events.emit('test.v1', 1, 'good', 'x'::bytea)) FROM generate_series(1, 60)");
    ck_assert(wait_for(&shared->done, 60, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 60);
    ck_assert_int_eq(largest_batch(), 10);
    PQfinish(other);
}
END_TEST

/* Somebody sets the group's offsets in Kafka to 0: what was handled is not handed out again. */
START_TEST(offsets_of_kafka_are_set_to_zero) {
    wait_for_the_database();
    pid_t pid = start(&app);
    emit(40, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 40, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = partitions_from(0);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_UNKNOWN;
    for (int i = 0; i < 20 && err != RD_KAFKA_RESP_ERR_NO_ERROR; i++, nap(200))
        err = rd_kafka_commit(rk, list, 0);
    ck_assert_int_eq(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
    rd_kafka_topic_partition_list_destroy(list);
    as_admin(
        "UPDATE events.consumer SET next_offset = -1 WHERE topic IS NOT NULL"); /* reads where Kafka says */
    pid = start(&app);
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 45, PATIENCE_MS));
    ck_assert(
        wait_sql("SELECT sum(next_offset) FROM events.consumer WHERE topic = 'test.v1'", "45", PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 45);
}
END_TEST

/* Events that were read, not settled, and dropped with the database's session, are read again also while no
 * place is noted yet. */
START_TEST(read_before_the_database_went) {
    shared->unavailable = true;
    pid_t pid = start(&app);
    emit(20, "test.v1", "good");
    ck_assert(wait_for(&shared->calls, 3, PATIENCE_MS));
    ck_assert_str_eq(
        as_admin("SELECT count(*) FROM events.consumer WHERE topic = 'test.v1' AND next_offset > 0"), "0");
    as_admin("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
             "WHERE application_name = 'deeplink_events' AND datname = current_database()");
    shared->unavailable = false;
    ck_assert(wait_for(&shared->done, 20, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->done, 20);
}
END_TEST

/* What happens to a foreign member of the group. */
static int n_rebalances;

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque) {
    (void)opaque;
    n_rebalances += err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    rd_kafka_assign(rk, err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? list : NULL);
}

static bool wait_rebalances(rd_kafka_t *rk, int n) {
    for (int64_t until = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
         n_rebalances < n && clock_mono_us() < until;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 20);
        if (m != NULL)
            rd_kafka_message_destroy(m);
    }
    return n_rebalances >= n;
}

/* A member that does not see a topic, as when its broker is the last to know of it, divides the partitions:
 * nobody gets any of these. It is noticed, and the group is joined anew until all are read. */
START_TEST(partitions_that_are_left_out) {
    wait_for_the_database();
    pid_t pid = start(&app);
    emit(1, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 1, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    rd_kafka_conf_t *conf = client_conf(RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *other = rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_set(conf, "topic.blacklist", "test\\.v1$", NULL, 0);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_t *blind = client_of(conf, RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(blind);
    rd_kafka_topic_partition_list_add(other, topic_there("other.v1"), RD_KAFKA_PARTITION_UA);
    n_rebalances = 0;
    ck_assert_int_eq(rd_kafka_subscribe(blind, other), RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert_msg(wait_rebalances(blind, 1), "it has not become the first member");
    pid = start(&app);
    ck_assert_msg(wait_rebalances(blind, 2), "we have not become the second");
    emit(20, "test.v1", "good");
    ck_assert_msg(wait_rebalances(blind, 3), "nobody has noticed");
    ck_assert_int_eq(shared->done, 1);
    rd_kafka_consumer_close(blind);
    rd_kafka_destroy(blind);
    rd_kafka_topic_partition_list_destroy(other);
    ck_assert(wait_for(&shared->done, 21, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* Set back to an offset of one partition: those behind it come again. */
START_TEST(a_partition_is_set_back) {
    wait_for_the_database();
    int64_t n;
    pid_t pid = start(&app);
    emit(70, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 70, PATIENCE_MS));
    ck_assert(
        wait_sql("SELECT sum(next_offset) FROM events.consumer WHERE topic = 'test.v1'", "70", PATIENCE_MS));
    int in_it =
        atoi(as_admin("SELECT next_offset FROM events.published WHERE topic = 'test.v1' AND partition = 1"));
    ck_assert_int_gt(in_it, 3);
    struct bus_from from = {.has_offset = true, .topic = "test.v1", .partition = 1, .offset = in_it - 3};
    ck_ok(&ctx, bus_rewind(&ctx, "test_consumer", &from, &n));
    ck_assert_int_eq(n, 1);
    ck_assert(wait_for(&shared->done, 73, PATIENCE_MS));
    from.partition = 99;
    ck_code(&ctx, bus_rewind(&ctx, "test_consumer", &from, &n), NOT_FOUND);
    nap(200);
    ck_assert_int_eq(shared->n, 73);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* A consumer that read the outbox itself until now does not repeat what it handled. */
START_TEST(a_site_moves_to_kafka) {
    wait_for_the_database();
    config.bus = "builtin";
    pid_t pid = start(&app);
    emit(20, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 20, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    config.bus = bus_setting;
    pid = start(&app);
    emit(10, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 30, PATIENCE_MS));
    ck_assert(
        wait_sql("SELECT sum(next_offset) FROM events.consumer WHERE topic = 'test.v1'", "30", PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 30);
}
END_TEST

/* ---- The wire */

/* A message of somebody else is set aside; what stands behind it is handled. */
START_TEST(a_message_that_is_no_event) {
    pid_t pid = start(&app);
    emit(7, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 7, PATIENCE_MS));
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER);
    for (int p = 0; p < 3; p++)
        ck_assert_int_eq(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic()), RD_KAFKA_V_PARTITION(p),
                                           RD_KAFKA_V_VALUE((void *)(uintptr_t) "hello", 5), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert_int_eq(rd_kafka_flush(rk, 5000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
    emit(7, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 14, PATIENCE_MS));
    ck_assert(wait_sql("SELECT count(*) || ' ' || min(type) || ' ' || min(convert_from(body, 'UTF8')) "
                       "FROM events.failed WHERE next_at IS NULL",
                       "3 unreadable hello", PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    struct dead_letter *dead;
    size_t n;
    ck_ok(&ctx, bus_dead_list(&ctx, 10, &dead, &n));
    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(dead[0].error, "it is no event: headers are missing");
}
END_TEST

static void expect_header(const rd_kafka_message_t *m, const char *name, const char *want) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    ck_assert_int_eq(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert_msg(rd_kafka_header_get_last(headers, name, &value, &n) == RD_KAFKA_RESP_ERR_NO_ERROR, "no %s",
                  name);
    ck_assert_msg(strcmp(value, want) == 0, "%s is %s", name, (const char *)value);
}

START_TEST(cloud_events_are_on_the_wire) {
    char id[30], time[40];
    as_admin("SELECT events.emit('test.v1', -5000000000, 'test.happened', '\\x0801'::bytea)");
    snprintf(id, sizeof id, "%s", as_admin("SELECT id FROM events.outbox"));
    snprintf(
        time, sizeof time, "%s",
        as_admin(
            "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM events.outbox"));
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 1, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->log[0].id, atoll(id));
    ck_assert_int_eq(shared->log[0].key, -5000000000);
    ck_assert_str_eq(
        as_admin("SELECT p.partition = events.partition_of(-5000000000, 3) FROM events.published AS p"), "t");
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = partitions_from(0);
    rd_kafka_assign(rk, list);
    rd_kafka_message_t *m = NULL;
    for (int i = 0; i < 100; i++) {
        m = rd_kafka_consumer_poll(rk, 100);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        if (m != NULL)
            rd_kafka_message_destroy(m);
        m = NULL;
    }
    ck_assert_ptr_nonnull(m);
    expect_header(m, "ce_specversion", "1.0");
    expect_header(m, "ce_id", id);
    expect_header(m, "ce_source", "https://events.example");
    expect_header(m, "ce_type", "test.happened");
    expect_header(m, "ce_time", time);
    expect_header(m, "content-type", "application/protobuf");
    ck_assert_uint_eq(m->key_len, 11);
    ck_assert_mem_eq(m->key, "-5000000000", 11);
    ck_assert_uint_eq(m->len, 2);
    ck_assert_mem_eq(m->payload, "\x08\x01", 2);
    rd_kafka_message_destroy(m);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}
END_TEST

/* ---- Settings */

START_TEST(settings_are_checked) {
    static const struct {
        const char *bus, *options, *words;
    } cases[] = {
        {"kafka://", "", "it must be kafka://host:port"},
        {"kafka://localhost", "", "it must be kafka://host:port"},
        {"kafka://a:1,b", "", "it must be kafka://host:port"},
        {"kafka://a:99999", "", "it must be kafka://host:port"},
        {"kafka://a:1/x y", "", "what stands after the slash"},
        {"amqp://a:1", "", "it must be builtin or begin with kafka://"},
        {"kafka://a:1", "acks", "bus_options: \"acks\" is not name=value"},
        {"kafka://a:1", "no.such.option=1", "no.such.option"},
        {"kafka://a:1,b:2/site-1", "security.protocol=SASL_SSL  sasl.username=x", NULL},
        {"kafkas://a:1,b:2/site-1", "client.rack=a", NULL},
        {"kafkas://a:1", "security.protocol=PLAINTEXT", "security.protocol is said by bus and bus_sasl"},
        {"kafkas://a", "", "it must be kafka://host:port"},
        {"builtin", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = NULL;
        size_t n;
        FILE *err = open_memstream(&text, &n);
        config.bus = cases[i].bus;
        config.bus_options = cases[i].options;
        int problems = bus_check(&config, err);
        fclose(err);
        ck_assert_msg(problems == (cases[i].words != NULL) &&
                          (cases[i].words == NULL || strstr(text, cases[i].words) != NULL),
                      "%s: %s", cases[i].bus, text);
        free(text);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("bus on Kafka");
    TCase *t = tcase_create("kafka");
    share_memory();
    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, settings_are_checked);
    tcase_add_test(t, cloud_events_are_on_the_wire);
    tcase_add_test(t, a_message_that_is_no_event);
    tcase_add_test(t, published_twice_handed_out_once);
    tcase_add_test(t, one_partition_fills_a_batch);
    tcase_add_test(t, offsets_of_kafka_are_set_to_zero);
    tcase_add_test(t, read_before_the_database_went);
    tcase_add_test(t, partitions_that_are_left_out);
    tcase_add_test(t, a_partition_is_set_back);
    tcase_add_test(t, a_site_moves_to_kafka);
    tcase_add_test(t, the_relay_is_killed);
    tcase_add_test(t, the_broker_is_stopped_for_a_while);
    tcase_add_test(t, the_broker_is_killed);
    tcase_add_test(t, a_worker_starts_without_a_broker);
    suite_add_tcase(s, t);
    return run_suite(s);
}
