// PostgreSQL is killed while likes are written and members are told of them: what was acknowledged stands, and each member is
// told once. Workers note what they did without waiting for the disk, so that a crash has them do some of it again.
// harness: alone
// harness: serial
// harness: set rate_limits = no
// harness: again on kafka
import { execFileSync } from 'node:child_process';
import { Client, caughtUp, check, deeplink, equal, finish, member, part, server, token, until } from './lib.mjs';

const POSTS = 48, SHARE = 12; // and a kill in the midst of each share but the last

const sql = (text) => execFileSync('psql', ['-X', '-q', '-A', '-t', process.env.TEST_PG_ADMIN, '-c', text], { encoding: 'utf8' }).trim();

const names = ['ada', 'ben', 'cleo'];
await Promise.all(names.map((name) => member(name)));
const headers = Object.fromEntries(await Promise.all(names.map(async (name) => [name, { authorization: `Bearer ${await token(name)}` }])));
const who = Object.fromEntries(names.map((name) => [name, new Client({ headers: headers[name] })]));
const api = (name, method, path, data) => who[name].json(method, `/api/v1/${path}`, data).catch(() => ({ status: 0 }));

// What was acknowledged is with the system, which goes on; what is only in PostgreSQL's own memory is lost.
sql('ALTER SYSTEM SET synchronous_commit = on');
sql('SELECT pg_reload_conf()');

const ids = [];
for (let i = 0; i < POSTS; i++)
    ids.push((await api('ada', 'POST', 'statuses', { status: `To be liked ${i}` })).data.id);
await caughtUp(60);

/** Likes some, as a patient program does that asks again until it has its answer. */
async function likes(name, some, tick) {
    for (const id of some) {
        await until(async () => (await api(name, 'POST', `statuses/${id}/favourite`)).status === 200, `a like of ${name}'s`, 40);
        tick();
    }
}

/** Dies with everything that it has not written yet, and comes back. */
async function dies() {
    await server('kill', 'postgres');
    await until(() => server('start', 'postgres').then(() => true, () => false), 'PostgreSQL', 40);
}

await part('it is killed again and again', async () => {
    for (let at = 0; at < POSTS; at += SHARE) {
        const some = ids.slice(at, at + SHARE);
        let done = 0;
        const both = Promise.all(['ben', 'cleo'].map((name) => likes(name, some, () => { done++; })));
        await until(() => done >= SHARE / 2, 'likes', 60);
        if (at + SHARE < POSTS) // the last go on as if nothing had been
            await dies();
        await both;
    }
    await caughtUp(60);
});

await part('nothing is lost, and nothing told twice', async () => {
    for (const id of ids)
        equal('both like it', (await api('ada', 'GET', `statuses/${id}`)).data.favourites_count, 2);
    for (const name of ['ben', 'cleo']) {
        const told = [];
        for (let max = ''; ;) {
            const { data } = await api('ada', 'GET', `notifications?types[]=favourite&limit=40${max}`);
            if (data.length === 0)
                break;
            told.push(...data.filter((n) => n.account.username === name).map((n) => n.status.id));
            max = `&max_id=${data.at(-1).id}`;
        }
        equal(`ada is told once of each of ${name}'s`, told.sort(), [...ids].sort());
    }
    check('nothing was parked', (await deeplink('events', 'list')).includes('No dead letters'));
});

await finish();
