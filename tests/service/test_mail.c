#include "fcgi/drivers/mail.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fcgi/base/clock.h"
#include "tests/service/servers.h"

static struct ctx ctx;
static char folder[] = "/tmp/deeplink-mail-XXXXXX", url[128];

static void set_up(void) {
    ctx = test_ctx(NULL);
    snprintf(folder, sizeof(folder), "/tmp/deeplink-mail-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(url, sizeof(url), "folder:%s/new", folder);
}

static void each_file(void (*fn)(const char *path)) {
    char dir[64], path[512];
    snprintf(dir, sizeof(dir), "%s/new", folder);
    DIR *d = opendir(dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        fn(path);
    }
    if (d != NULL)
        closedir(d);
}

static int files;
static void count_file(const char *path) {
    files += strstr(path, ".eml") != NULL;
    ck_assert_msg(strstr(path, ".eml") != NULL, "%s was left", path);
}
static void remove_file(const char *path) { unlink(path); }

static void tear_down(void) {
    char dir[64];
    each_file(remove_file);
    snprintf(dir, sizeof(dir), "%s/new", folder);
    rmdir(dir);
    rmdir(folder);
    test_ctx_end();
}

/* The message that was written under that id. */
static char *read_mail(const char *id) {
    char path[256];
    struct stat st;
    snprintf(path, sizeof(path), "%s/new/%s.eml", folder, id);
    ck_assert_msg(stat(path, &st) == 0, "%s", path);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    char *text = arena_zalloc(ctx.arena, (size_t)st.st_size + 1);
    FILE *f = fopen(path, "r");
    ck_assert_uint_eq(fread(text, 1, (size_t)st.st_size, f), (size_t)st.st_size);
    fclose(f);
    return text;
}

static struct mail *open_mail(const char *where) {
    struct mail *m = mail_open(where, "DeepLink at \"School\" <noreply@example.org>", 1500);
    ck_assert_ptr_nonnull(m);
    return m;
}

static void has(const char *mail, const char *part) {
    ck_assert_msg(strstr(mail, part) != NULL, "no %s in\n%s", part, mail);
}

START_TEST(a_plain_message) {
    struct mail *m = open_mail(url);
    struct mail_message msg = {.to = "ada@example.com",
                               .subject = "Welcome, Ada",
                               .text = "Hello,\n\nopen https://x.org/a?b=c\n",
                               .id = "confirm-1"};
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    char *mail = read_mail("confirm-1");
    has(mail, "\r\nFrom: \"DeepLink at \\\"School\\\"\" <noreply@example.org>\r\n");
    has(mail, "\r\nTo: <ada@example.com>\r\n");
    has(mail, "\r\nSubject: Welcome, Ada\r\n");
    has(mail, "\r\nMessage-ID: <confirm-1@example.org>\r\n");
    has(mail, "\r\nMIME-Version: 1.0\r\n");
    has(mail,
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello,\r\n\r\n"
        "open https://x.org/a?b=c\r\n");
    ck_assert_int_eq(strncmp(mail, "Date: ", 6), 0);
    msg.text = "again";
    ck_ok(&ctx, mail_send(&ctx, m, &msg)); /* the same id: the same file */
    has(read_mail("confirm-1"), "\r\n\r\nagain\r\n");
    files = 0;
    each_file(count_file);
    ck_assert_int_eq(files, 1);
    mail_close(m);
}
END_TEST

START_TEST(letters_of_the_world) {
    struct mail *m = open_mail(url);
    struct mail_message msg = {
        .to = "ada@bücher.example",
        .id = "../../etc/x y",
        .subject =
            "Žluťoučký kůň úpěl ďábelské ódy, a very long subject that takes several encoded words 🐎🐎🐎🐎",
        .text = "Grüße = 100 %\ntrailing \n.\nFrom here\n",
        .html = "<p>Grüße</p>"};
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    char *mail = read_mail("-.-.--etc-x-y");
    has(mail, "To: <ada@xn--bcher-kva.example>\r\n");
    has(mail, "Subject: =?UTF-8?B?");
    has(mail, "?=\r\n =?UTF-8?B?");
    has(mail, "multipart/alternative;\r\n boundary=");
    has(mail, "Gr=C3=BC=C3=9Fe =3D 100 %\r\ntrailing=20\r\n.\r\nFrom here\r\n");
    has(mail, "Content-Type: text/html; charset=utf-8");
    has(mail, "<p>Gr=C3=BC=C3=9Fe</p>");
    for (const char *line = mail, *end; (end = strstr(line, "\r\n")) != NULL; line = end + 2)
        ck_assert_msg(end - line <= 78, "%.*s", (int)(end - line), line);
    for (const char *p = mail; *p != '\0'; p++)
        ck_assert((unsigned char)*p < 0x80 && (*p != '\n' || p[-1] == '\r'));
    mail_close(m);
}
END_TEST

START_TEST(nobody_adds_a_header) {
    struct mail *m = open_mail(url);
    static const char *const bad[] = {"",         "ada",     "a@b.c\r\nBcc: x@y.z", "a@b.c, d@e.f", "<a@b.c>",
                                      "a b@c.d",  "a@b.c\n", "a@b..c\tx",           "ä@b.c",        "a@",
                                      "\"a\"@b.c"};
    struct mail_message msg = {.subject = "s", .text = "t", .id = "i"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        msg.to = bad[i];
        ck_assert_msg(mail_send(&ctx, m, &msg) == INVALID, "%s", bad[i]);
        fail_clear(&ctx);
    }
    msg.to = "a@b.cz";
    msg.subject = "one\r\nBcc: evil@example.org\r\n\r\nbody";
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    char *mail = read_mail("i");
    has(mail, "\r\nSubject: one  Bcc: evil@example.org    body\r\n");
    ck_assert_ptr_null(strstr(mail, "\nBcc"));
    mail_close(m);
    m = mail_open(url, "Žofie\r\nX: y <noreply@example.org>", 1000);
    msg.subject = "=?UTF-8?B?eA==?=";
    msg.id = "j";
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    mail = read_mail("j");
    has(mail, "From: =?UTF-8?B?");
    ck_assert_ptr_null(strstr(mail, "\nX: y"));
    ck_assert_ptr_null(strstr(mail, "Subject: =?UTF-8?B?eA==?="));
    mail_close(m);
}
END_TEST

START_TEST(long_lines_are_folded) {
    struct mail *m = open_mail(url);
    char *text = arena_alloc(ctx.arena, 5001);
    memset(text, 'x', 5000);
    text[5000] = '\0';
    struct mail_message msg = {.to = "a@b.cz", .subject = text, .text = text, .id = "long"};
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    char *mail = read_mail("long");
    has(mail, "quoted-printable");
    for (const char *line = mail, *end; (end = strstr(line, "\r\n")) != NULL; line = end + 2)
        ck_assert_int_le(end - line, 78);
    mail_close(m);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written) {
    struct mail *m = open_mail("folder:/proc/nowhere");
    struct mail_message msg = {.to = "a@b.cz", .subject = "s", .text = "t", .id = "i"};
    ck_code(&ctx, mail_send(&ctx, m, &msg), UNAVAILABLE);
    mail_close(m);
    ck_assert_ptr_null(mail_open("folder:relative", "a@b.cz", 1));
    ck_assert_ptr_null(mail_open("http://x", "a@b.cz", 1));
    ck_assert_ptr_null(mail_open("folder:/tmp", "not an address", 1));
}
END_TEST

/* A mail server in a process of its own: takes what `refuse` is not in, and writes all that it hears into the
 * folder. */
static int server_port;
static const char hang_up[] = "when the message has ended";
static pid_t serve_smtp(const char *refuse) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t n = sizeof(at);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&at, &n);
    server_port = ntohs(at.sin_port);
    pid_t pid = fork();
    if (pid != 0) {
        close(fd);
        return pid;
    }
    char path[128], line[2048];
    snprintf(path, sizeof(path), "%s/heard", folder);
    FILE *heard = fopen(path, "w");
    for (;;) {
        FILE *c = fdopen(accept(fd, NULL, NULL), "r+");
        setvbuf(c, NULL, _IONBF, 0);
        fputs("220 test\r\n", c);
        for (bool data = false; fgets(line, sizeof(line), c) != NULL;) {
            fputs(line, heard);
            fflush(heard);
            if (data && strcmp(line, ".\r\n") != 0)
                continue;
            if (data && refuse == hang_up)
                break;
            bool go = !data && strncmp(line, "DATA", 4) == 0;
            fputs(refuse != NULL && strstr(line, refuse) != NULL ? "550 no such user here\r\n"
                  : go                                           ? "354 go on\r\n"
                  : strncmp(line, "EHLO", 4) == 0                ? "250-test\r\n250 AUTH PLAIN\r\n"
                  : strncmp(line, "AUTH", 4) == 0                ? "235 ok\r\n"
                                                                 : "250 ok\r\n",
                  c);
            data = go;
        }
        fclose(c);
    }
}

static char *heard(void) {
    char path[128];
    snprintf(path, sizeof(path), "%s/heard", folder);
    char *text = arena_zalloc(ctx.arena, 65536);
    FILE *f = fopen(path, "r");
    ck_assert_uint_lt(fread(text, 1, 65535, f), 65535);
    fclose(f);
    return text;
}

static void end_server(pid_t pid) {
    char path[128];
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    snprintf(path, sizeof(path), "%s/heard", folder);
    unlink(path);
}

START_TEST(by_smtp) {
    char at[64];
    pid_t pid = serve_smtp("nobody@");
    snprintf(at, sizeof(at), "smtp://us%%40er:pa%%3Ass@127.0.0.1:%d", server_port);
    struct mail *m = open_mail(at);
    struct mail_message msg = {
        .to = "ada@example.com", .subject = "Hi", .text = "one\n.two\n..\n", .id = "s1"};
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    char *said = heard();
    has(said, "EHLO example.org\r\n");
    has(said, "AUTH PLAIN AHVzQGVyAHBhOnNz\r\n"); /* \0us@er\0pa:ss */
    has(said, "MAIL FROM:<noreply@example.org>");
    has(said, "RCPT TO:<ada@example.com>");
    has(said, "Subject: Hi\r\n");
    has(said, "\r\none\r\n..two\r\n...\r\n");
    msg.to = "nobody@example.com";
    ck_code(&ctx, mail_send(&ctx, m, &msg), INVALID); /* will not get better */
    msg.to = "eve@example.com";
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    mail_close(m);
    end_server(pid);
}
END_TEST

/* Right before the message's end, once; and what the server then knows decides what we know. */
static int asked;
static bool answer, was_heard;
static bool ask_before(void *arg) {
    asked++;
    was_heard = arg != NULL && strstr(heard(), "\r\n.\r\n") != NULL;
    return answer;
}

static enum code send_by(const char *refuse, bool yes) {
    char at[64];
    pid_t pid = serve_smtp(refuse);
    snprintf(at, sizeof(at), "smtp://127.0.0.1:%d", server_port);
    struct mail *m = open_mail(at);
    struct mail_message msg = {.to = "ada@example.com",
                               .subject = "Hi",
                               .text = "x",
                               .id = "s1",
                               .unsubscribe = "https://example.org/unsubscribe/abc",
                               .before = ask_before,
                               .arg = &answer};
    asked = 0;
    answer = yes;
    enum code code = mail_send(&ctx, m, &msg);
    fail_clear(&ctx);
    if (yes && refuse == NULL) {
        has(heard(), "\r\nList-Unsubscribe: <https://example.org/unsubscribe/abc>\r\n"
                     "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        has(heard(), "\r\n.\r\n");
    }
    if (!yes)
        ck_assert_ptr_null(strstr(heard(), "\r\n.\r\n"));
    mail_close(m);
    end_server(pid);
    return code;
}

START_TEST(handed_over) {
    ck_assert_int_eq(send_by(NULL, true), OK);
    ck_assert_int_eq(asked, 1);
    ck_assert(!was_heard); /* the end had not gone out when it was asked */
    ck_assert_int_eq(send_by(NULL, false), CANCELLED);
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(send_by("RCPT", true), INVALID);
    ck_assert_int_eq(asked, 0); /* it never came so far */
    ck_assert_int_eq(send_by(".\r\n", true), INVALID);
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(send_by(hang_up, true), UNKNOWN); /* nobody knows */
    struct mail *m = open_mail(url);
    struct mail_message msg = {
        .to = "ada@example.com", .subject = "Hi", .text = "x", .id = "f1", .before = ask_before};
    answer = false;
    ck_code(&ctx, mail_send(&ctx, m, &msg), CANCELLED);
    files = 0;
    each_file(count_file);
    ck_assert_int_eq(files, 0);
    answer = true;
    ck_ok(&ctx, mail_send(&ctx, m, &msg));
    read_mail("f1");
    mail_close(m);
}
END_TEST

START_TEST(is_it_there) {
    char at[64];
    pid_t pid = serve_smtp(NULL);
    snprintf(at, sizeof(at), "smtp://user:word@127.0.0.1:%d", server_port);
    struct mail *m = open_mail(at);
    ck_ok(&ctx, mail_check(&ctx, m));
    has(heard(), "AUTH PLAIN");
    ck_assert_ptr_null(strstr(heard(), "MAIL FROM"));
    end_server(pid);
    ck_code(&ctx, mail_check(&ctx, m), UNAVAILABLE);
    mail_close(m);
    m = open_mail("folder:/nowhere/at/all");
    ck_code(&ctx, mail_check(&ctx, m), UNAVAILABLE);
    mail_close(m);
}
END_TEST

START_TEST(no_mail_server) {
    char at[64];
    pid_t pid = serve_smtp(NULL);
    end_server(pid);
    snprintf(at, sizeof(at), "smtp://127.0.0.1:%d", server_port);
    struct mail *m = open_mail(at);
    struct mail_message msg = {.to = "ada@example.com", .subject = "Hi", .text = "x", .id = "s1"};
    int64_t begun = clock_mono_us();
    ck_code(&ctx, mail_send(&ctx, m, &msg), UNAVAILABLE);
    ck_assert(clock_mono_us() - begun < 1000000);
    mail_close(m);
}
END_TEST

START_TEST(a_password_is_never_sent_in_clear_over_a_network) {
    char at[64];
    pid_t pid = serve_smtp(NULL);
    snprintf(at, sizeof(at), "smtp://user:secret@0.0.0.0:%d",
             server_port); /* reaches it, and is no loopback address */
    struct mail *m = open_mail(at);
    struct mail_message msg = {.to = "ada@example.com", .subject = "Hi", .text = "x", .id = "s1"};
    ck_code(&ctx, mail_send(&ctx, m, &msg), UNAVAILABLE);
    if (strstr(heard(), "EHLO") != NULL)
        ck_assert_ptr_null(strstr(heard(), "AUTH PLAIN"));
    mail_close(m);
    end_server(pid);
}
END_TEST

int main(void) {
    Suite *s = suite_create("mail");
    TCase *t = tcase_create("mail");
    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_plain_message);
    tcase_add_test(t, letters_of_the_world);
    tcase_add_test(t, nobody_adds_a_header);
    tcase_add_test(t, long_lines_are_folded);
    tcase_add_test(t, a_folder_that_cannot_be_written);
    tcase_add_test(t, by_smtp);
    tcase_add_test(t, handed_over);
    tcase_add_test(t, is_it_there);
    tcase_add_test(t, no_mail_server);
    tcase_add_test(t, a_password_is_never_sent_in_clear_over_a_network);
    suite_add_tcase(s, t);
    return run_suite(s);
}
