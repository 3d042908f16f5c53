// A site whose broker asks for TLS, a certificate, a user and a password: what is wrong with any of them is said by its
// setting, members notice nothing of it, and nothing is lost.
// harness: kafka secure
// harness: set rate_limits = no
// harness: set bus_partitions = 2
// harness: set bus_options = session.timeout.ms=1500 heartbeat.interval.ms=300 reconnect.backoff.max.ms=500
import { execFile } from 'node:child_process';
import { copyFile, readFile, readdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Client, caughtUp, check, deeplink, equal, finish, part, until } from './lib.mjs';
import { friends } from './lib_kafka.mjs';

const run = promisify(execFile);
const secrets = `${process.env.TEST_DIR}/kafka/secrets`, password = (await readFile(`${secrets}/password`, 'utf8')).trim();
const { post, atHome, arrives } = await friends();

/** A subcommand with other settings; what it printed, whether or not all was well. */
async function withSettings(settings, ...words) {
    const env = { ...process.env };
    for (const [name, value] of Object.entries(settings))
        env[`DEEPLINK_${name.toUpperCase()}`] = value;
    return run(process.env.TEST_DEEPLINK, ['--config', process.env.TEST_CONFIG, ...words], { env }).then((r) => r.stdout, (e) => e.stdout);
}
const doctor = async (settings = {}, name = 'bus') => JSON.parse(await withSettings(settings, 'doctor', '--json')).find((c) => c.name === name);

/** The processes that work read the configuration again: the old ones have gone. */
async function reload() {
    const pid = (await readFile(`${process.env.TEST_SITE}/work.pid`, 'utf8')).trim();
    const children = async () => (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    const old = await children();
    process.kill(Number(pid), 'SIGHUP');
    await until(async () => !(await children()).some((child) => old.includes(child)), 'the end of the old processes', 40);
}

/** A file of another authority, or another password, in the place of the right one until fn has run. */
async function instead(file, wrong, fn) {
    const right = await readFile(file);
    try {
        await wrong();
        await reload();
        await fn();
    } finally {
        await writeFile(file, right);
        await reload();
    }
}

/** While the broker does not let us in, posts are taken and wait; then they come, each once. */
async function isWaitedFor(what, error, words) {
    const text = `while ${what} is wrong .`;
    await until(async () => (await log()).includes(error), `${error} in the log`, 20);
    equal(`${text} it is taken`, await post(text), 303);
    equal('the site is ready', (await new Client().get('/readyz')).status, 200);
    const bus = await doctor();
    check(`the doctor names ${what}`, bus.verdict === 'broken' && words.test(bus.words), bus.words);
    check('it waits in the outbox', / [1-9]\d* waiting/.test((await deeplink('events', 'lag')).split('\n').find((line) => line.startsWith('relay'))));
    return text;
}

async function log() {
    const folder = `${process.env.TEST_SITE}/log`;
    return (await Promise.all((await readdir(folder)).map((file) => readFile(`${folder}/${file}`, 'utf8')))).join('\n');
}

await part('events by way of it', async () => {
    equal('the post is taken', await post('by TLS .'), 303);
    await arrives('by TLS .');
    const bus = await doctor();
    check('the doctor says how', bus.verdict === 'ok' && /^Kafka, 1 broker, \d+ topics, ours in 1 copy, by TLS, as deeplink$/.test(bus.words), bus.words);
    await Promise.all(['PLAIN', 'SCRAM-SHA-256'].map(async (mechanism) =>
        equal(`by ${mechanism}, too`, (await doctor({ bus_sasl: mechanism })).verdict, 'ok')));
});

await part('what is wrong is named', async () => {
    const plain = process.env.TEST_KAFKA.replace('kafkas:', 'kafka:');
    await Promise.all([
        [{ bus_user: 'nobody' }, /bus_user and bus_password: .*SCRAM-SHA-512/],
        [{ bus_ca: '' }, /bus_ca, bus_cert and bus_key: .*certificate verify failed/],
        [{ bus_cert: '', bus_key: '' }, /bus_ca, bus_cert and bus_key: .*alert bad certificate/],
        [{ bus_ca: '/dev/null' }, /ssl\.ca\.location/],
        [{ bus: plain }, /connecting to a SSL listener/],
    ].map(async ([settings, words]) => {
        const bus = await doctor(settings);
        check(JSON.stringify(settings), bus.verdict === 'broken' && words.test(bus.words), bus.words);
    }));
    const said = await withSettings({ bus_ca: '/nonexistent/ca.pem', bus_key: '', bus_password: '' }, 'config', 'check');
    for (const line of ['bus_ca: /nonexistent/ca.pem: No such file or directory', 'bus_key: (empty): it is needed', 'bus_password: (empty): it is needed'])
        check(line, said.includes(line), said);
});

await part('the days of certificates are counted', async () => {
    const other = `${process.env.TEST_DIR}/dates`, certificates = `${process.env.TEST_ROOT}/stack/certificates.sh`;
    for (const [name, days] of [['ended', -1], ['short', 3]])
        await run('bash', [certificates, other, name], { env: { ...process.env, DAYS: String(days) } });
    await writeFile(`${other}/both.pem`, (await Promise.all(['ended', 'short'].map((name) => readFile(`${other}/${name}.pem`)))).join(''));
    await Promise.all([
        [{}, 'ok', /^bus_ca: good for \d{3,} days; bus_cert: good for \d{2,} days$/],
        [{ bus_cert: `${other}/short.pem` }, 'warning', /bus_cert: good for [23] days$/],
        [{ bus_cert: `${other}/ended.pem` }, 'broken', /bus_cert: it has ended, or is none$/],
        [{ bus_cert: `${other}/both.pem` }, 'broken', /bus_cert: it has ended, or is none$/], // all of a chain are needed
        [{ bus_ca: `${other}/both.pem` }, 'warning', /bus_ca: good for [23] days;/], // one of the authorities is enough
        [{ bus_ca: '/dev/null' }, 'broken', /bus_ca: it has ended, or is none;/],
        [{ fetch_ca: `${other}/short.pem` }, 'warning', /fetch_ca: good for [23] days$/],
        [{ bus_ca: '', bus_cert: '', bus_key: '' }, 'skipped', /^none is set$/],
    ].map(async ([settings, verdict, words]) => {
        const said = await doctor(settings, 'certificates');
        check(`${verdict}: ${JSON.stringify(settings)}`, said.verdict === verdict && words.test(said.words), JSON.stringify(said));
    }));
});

await part('another password', async () => {
    let text;
    await instead(`${secrets}/password`, () => writeFile(`${secrets}/password`, 'not-the-password\n'), async () => {
        text = await isWaitedFor('the password', '_AUTHENTICATION', /bus_sasl, bus_user and bus_password: /);
    });
    await caughtUp();
    equal('it comes once', await atHome(text), 1);
});

await part('another authority', async () => {
    let text;
    await run('bash', [`${process.env.TEST_ROOT}/stack/certificates.sh`, `${process.env.TEST_DIR}/other`, 'other']);
    await instead(`${secrets}/ca.pem`, () => copyFile(`${process.env.TEST_DIR}/other/ca.pem`, `${secrets}/ca.pem`), async () => {
        text = await isWaitedFor('the authority', '_SSL', /bus_ca, bus_cert and bus_key: /);
    });
    await caughtUp();
    equal('it comes once', await atHome(text), 1);
});

await part('nobody reads the password', async () => {
    const all = await log();
    check('in the log', all.length > 100 && !all.includes(password) && !all.includes('not-the-password'));
    check('nor among the settings', !(await deeplink('config', 'print')).includes(password));
});

await finish();
