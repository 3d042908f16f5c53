// Services that live apart, when one of them is not there: what needs it says so at once and tells when to come again, what
// can be shown without it is shown, and all is well again when it is back.
// harness: split
// harness: alone
// harness: set rate_limits = no
// harness: set grpc_timeout_ms = 1000
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BASE, Client, check, equal, finish, member, part, server, sleep, until } from './lib.mjs';

const nobody = new Client(), ann = await member('ann_apart'), bob = await member('bob_apart');
const ready = async () => (await nobody.get('/readyz')).json();
const text = async (client, path) => {
    const answer = await client.get(path);
    return { status: answer.status, text: answer.text, answer };
};

await ann.submit((await ann.get('/compose')).form('/posts'), { text: 'Written before #apart', language: 'en' });
await bob.get('/'); // fills what is kept

/** Takes back what Redis has of the counts, so that their owner must be asked. */
const forgetCounts = () => {
    const redis = (...words) => execFileSync('redis-cli', ['-u', process.env.TEST_REDIS, ...words]).toString();
    for (const key of redis('--scan', '--pattern', 'conn:counts:*').trim().split('\n').filter(Boolean))
        redis('DEL', key);
};

function isRefusal(name, answer) {
    equal(`${name}: 503`, answer.status, 503);
    check(`${name}: says when to come again`, Number(answer.headers['retry-after']) > 0, answer.headers['retry-after']);
}

/** The gateway's word that a pool is away counts as the pool's own. */
const fromWhoever = (answer) => (answer.status === 502 ? { status: 503, headers: answer.headers } : answer);

/** Whether some process of the pool of pages leaves such a service alone. In a split site, nginx has a pool's metrics by its name. */
const isLeftAlone = async (service) =>
    new RegExp(`^deeplink_rpc_circuits_open\\{service="${service}"\\} [1-9]`, 'm').test((await nobody.get('/metrics/post')).html);

/** Waits until a page is there, whoever answers: every process finds out by itself that another is back. */
const isBack = (who, path, what) => until(async () =>
    (await Promise.all(Array.from({ length: 12 }, (_, i) => text(who, `${path}?back=${what.length}${i}`)))).every((page) => page.status === 200)
    && !await isLeftAlone('[a-z]+'), what, 25);

async function withoutConnection() {
    await text(bob, '/@ann_apart'); // so that Redis has bob's relations
    await server('stop', 'serve-connection');
    check('the counts that stand in Redis are shown', /\d+\s+followers?\b/.test((await text(nobody, '/@ann_apart?x=0')).text));
    forgetCounts();
    const profile = await text(nobody, '/@ann_apart?x=1'); // by its query not the page that is kept
    equal('a profile is shown without its counts', profile.status, 200);
    check('with its posts', profile.text.includes('Written before'));
    check('and without followers', !/\d+\s+followers?\b/.test(profile.text), profile.text.slice(0, 600));
    equal("a member's look at a profile goes by the relations that stand in Redis", (await text(bob, '/@ann_apart')).status, 200);
    isRefusal('a list of its own', fromWhoever(await bob.request('GET', '/settings/blocks')));
    equal('the timeline goes on', (await text(bob, '/local')).status, 200);
    execFileSync('redis-cli', ['-u', process.env.TEST_REDIS, 'EVAL',
        "for _, k in ipairs(redis.call('KEYS', 'conn:rel:*')) do redis.call('DEL', k) end", '0']);
    isRefusal('a profile where Redis has no relations, since it might be forbidden,', (await text(bob, '/@ann_apart')).answer);
    isRefusal('and a timeline', (await text(bob, '/local')).answer);
    equal('it is told who is missing', (await ready()).connection, 'down');
    const begun = Date.now();
    for (let i = 0; i < 10; i++)
        await nobody.get(`/@ann_apart?x=${i}`);
    check('who does not answer is soon left alone', Date.now() - begun < 3000, Date.now() - begun);
    // Every process finds out by itself: enough requests for each of them.
    await until(async () => {
        await Promise.all(Array.from({ length: 12 }, (_, i) => nobody.get(`/@ann_apart?y=${i}`)));
        return isLeftAlone('connection');
    }, 'an open circuit', 20);
    await server('start', 'serve-connection');
    await until(async () => (await ready()).connection === 'up', 'the connection pool');
    await until(async () => /\d+\s+followers?\b/.test((await text(nobody, '/@ann_apart?z=1')).text), 'the counts', 20);
    check('its members too', await isBack(bob, '/@ann_apart', 'a member is shown it'));
}

async function withoutPost() {
    await server('kill', 'serve'); // the pool of "/"
    let profile; // its workers take a moment to notice that their master is gone
    await until(async () => (profile = await text(bob, '/@ann_apart')).status !== 200, 'the end of the post pool');
    isRefusal('a profile without posts is none', fromWhoever(profile.answer));
    equal('settings are there', (await text(bob, '/settings/profile')).status, 200);
    equal('what it answers itself is the gateway\'s error', (await nobody.request('GET', '/tags?x=1')).status, 502);
    await server('start', 'serve');
    await isBack(bob, '/@ann_apart', 'the post pool');
}

async function withoutUser() {
    await server('stop', 'serve-user');
    equal('posts are shown, with names that stand in Redis', (await text(bob, '/local')).status, 200);
    check('and can be read by their address', (await text(nobody, '/tags/apart?x=1')).text.includes('Written before'));
    isRefusal("a member's feed needs the name looked up", (await text(nobody, '/@ann_apart/feed.atom')).answer);
    await server('start', 'serve-user');
    await isBack(nobody, '/@ann_apart', 'the user pool');
}

/** A pool that takes calls and never answers: its process is stopped in the middle. */
async function asleep() {
    const master = readFileSync(`${process.env.TEST_SITE}/serve-connection.pid`, 'utf8').trim();
    const workers = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(/\s+/).map(Number);
    const all = [Number(master), ...workers];
    for (const pid of all)
        process.kill(pid, 'SIGSTOP');
    forgetCounts();
    const begun = Date.now(), answer = (await text(nobody, '/@ann_apart?s=1')).answer;
    check('nobody waits longer than the deadline', Date.now() - begun < 4000, Date.now() - begun);
    equal('and the page is shown without its counts', answer.status, 200);
    for (const pid of all)
        process.kill(pid, 'SIGCONT');
    await until(async () => /\d+\s+followers?\b/.test((await text(nobody, '/@ann_apart?t=1')).text), 'the counts', 25);
}

async function reloads() {
    let wrong = 0, asked = 0, stop = false;
    const ask = async () => {
        while (!stop) {
            asked++;
            wrong += (await nobody.get(`/@ann_apart?r=${asked}`)).status === 200 ? 0 : 1;
        }
    };
    const asking = [ask(), ask(), ask()];
    for (const pool of ['serve-connection', 'serve', 'serve-user']) {
        process.kill(Number(readFileSync(`${process.env.TEST_SITE}/${pool}.pid`, 'utf8')), 'SIGHUP');
        await sleep(1500);
    }
    stop = true;
    await Promise.all(asking);
    check('enough was asked', asked > 30, asked);
    equal('a reload of every pool is not noticed', wrong, 0);
}

check('all pools are there', (await ready()).ready, BASE);
await part('a reload', reloads);
await part('without connections', withoutConnection);
await part('without posts', withoutPost);
await part('without members', withoutUser);
await part('a pool that sleeps', asleep);
await finish();
