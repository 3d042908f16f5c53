// A site on three brokers that ask for TLS, a certificate, a user and a password, each other too: the one that leads is killed
// while members write and like, and none of it is lost, out of order or told twice.
// harness: kafka cluster secure
// harness: serial
// harness: set rate_limits = no
// harness: set bus_partitions = 3
// harness: set bus_options = session.timeout.ms=6000 heartbeat.interval.ms=1000
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client, caughtUp, check, deeplink, equal, finish, member, part, server, token, until } from './lib.mjs';
import { doctor } from './lib_kafka.mjs';

const N = 30, KILLED_AFTER = 10; // posts; each of them is liked

const run = promisify(execFile);
const kafka = async (...words) => (await run('bash', [`${process.env.TEST_ROOT}/stack/kafka.sh`, words[0],
    `${process.env.TEST_DIR}/kafka`, ...words.slice(1)], { maxBuffer: 1 << 24 })).stdout;
const sql = async (text) => (await run('psql', [process.env.TEST_PG_ADMIN, '-qAtc', text])).stdout.trim();

const ada = await member('ada'), ben = await member('ben');
const adas = await token('ada'), bens = await token('ben');
const api = async (bearer, method, path, fields) => {
    const answer = await new Client().json(method, path, fields, { token: bearer });
    if (answer.status !== 200)
        throw new Error(`${method} ${path}: ${answer.status} ${answer.html.slice(0, 200)}`);
    return answer.data;
};
const adaId = (await api(adas, 'GET', '/api/v1/accounts/verify_credentials')).id;
await api(bens, 'POST', `/api/v1/accounts/${adaId}/follow`);
await caughtUp();
const posts = [];

async function writeAndLike(n) {
    for (let i = 0; i < n; i++) {
        const post = await api(adas, 'POST', '/api/v1/statuses', { status: `number ${posts.length}` });
        posts.push(post.id);
        await api(bens, 'POST', `/api/v1/statuses/${post.id}/favourite`);
    }
}

/** Numbers of the events of a topic by key, in the order of their partition, each where it stands first; and whether that is
 * the order of commits. */
async function published(topic) {
    const keys = {}, seen = new Set(), last = {};
    let inOrder = true;
    const n = await sql(`SELECT sum(next_offset) FROM events.published WHERE topic = '${topic}'`);
    for (const line of (await kafka('messages', topic, n)).split('\n')) {
        const id = /ce_id:(\d+)/.exec(line)?.[1], sequence = /ce_sequence:([0-9a-f]+)/.exec(line)?.[1], key = /\t(-?\d+)$/.exec(line)?.[1];
        if (!id || seen.has(id))
            continue;
        seen.add(id);
        (keys[key] ??= []).push(id);
        inOrder &&= !(last[key] >= sequence);
        last[key] = sequence;
    }
    return { keys, n: seen.size, inOrder };
}

async function isWhole(topic) {
    const is = await published(topic);
    equal(`${topic}: nothing is lost`, is.n, Number(await sql(`SELECT count(*) FROM events.outbox WHERE topic = '${topic}'`)));
    check(`${topic}: each key is in order`, is.inOrder, JSON.stringify(is.keys));
    return is;
}

const isWell = (bus) => bus.verdict === 'ok' && /Kafka, 3 brokers, \d+ topics, ours in 3 copies, by TLS, as deeplink$/.test(bus.words);
let leader, back;

await part('three copies of each topic', async () => {
    await writeAndLike(1);
    await caughtUp();
    const bus = await doctor('bus');
    check('the doctor counts brokers and copies', isWell(bus), bus.words);
    const partition = await sql(`SELECT events.partition_of(${adaId}, 3)`);
    const lines = (await kafka('topics')).split('\n').filter((line) => /Topic: post\.v1\s/.test(line)).join('\n');
    check('most of them have to have an event', /ReplicationFactor: 3\b.*min\.insync\.replicas=2\b/.test(lines), lines);
    leader = new RegExp(`Partition: ${partition}\\s+Leader: (\\d+)`).exec(lines)[1];
});

await part('the leader is killed in the midst of it', async () => {
    await writeAndLike(KILLED_AFTER - 1);
    await Promise.all([server('kill', `kafka-${leader}`), writeAndLike(N - KILLED_AFTER)]);
    await caughtUp();
    const bus = await doctor('bus');
    check('the doctor says that copies are behind', bus.verdict === 'ok' && /Kafka, 2 brokers,.* in 3 copies, of which \d+ of partitions are behind/.test(bus.words), bus.words);
    back = server('start', `kafka-${leader}`);
});

await part('each of it has acted once', async () => {
    const home = (await api(bens, 'GET', '/api/v1/timelines/home?limit=40')).map((post) => post.id);
    equal('all posts are at home, in order', home, [...posts].reverse());
    const likes = (await api(adas, 'GET', '/api/v1/notifications?types[]=favourite&limit=80')).map((one) => one.status.id);
    equal('each like is told once', [...likes].sort(), [...posts].sort());
    equal('each is counted once', (await Promise.all(posts.map((id) => api(adas, 'GET', `/api/v1/statuses/${id}`))))
        .filter((post) => post.favourites_count !== 1), []);
    check('nothing is dead', (await deeplink('events', 'list')).includes('No dead letters'));
});

await part('what stands in the topics', async () => {
    const [written] = await Promise.all(['post.v1', 'engagement.v1'].map(isWhole));
    equal('all of one author is in one place', written.keys[adaId]?.length, N);
});

await part('it comes back', async () => {
    await back;
    await until(async () => isWell(await doctor('bus')), 'its copies', 60);
    await writeAndLike(1);
    await caughtUp();
    equal('and all goes on', (await api(bens, 'GET', '/api/v1/timelines/home?limit=1'))[0].id, posts.at(-1));
});

await finish();
