// What happens when things die: our processes by kill -9 under load, the servers stopped and started again, Redis emptied.
// harness: alone
// harness: serial
// harness: set rate_limits = no
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Client, caughtUp, check, deeplink, equal, finish, member, part, served, server, sleep, until } from './lib.mjs';

const run = promisify(execFile);

const childrenOf = async (pid) => (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean).map(Number);
const master = async (name) => Number((await readFile(`${process.env.TEST_SITE}/${name}.pid`, 'utf8')).trim());
const status = async (path, client = new Client()) => (await client.get(path, { follow: false }).catch(() => ({ status: 0 }))).status;

const ada = await member('ada'), ben = await member('ben');
await ben.get('/@ada');
const adaId = /\/members\/(\d+)\/follow/.exec((await ben.get('/@ada')).html)[1];
await ben.act(`/members/${adaId}/follow`);

await part('kill -9 of workers under load', async () => {
    const written = [], bad = [];
    let kills = 0, on = true;
    const token = await ada.csrf();
    const writer = async (n) => {
        for (let i = 0; on; i++) {
            const text = `load ${n} ${i} .`;
            const answer = await ada.post('/posts', { csrf: token, text, audience: 'public' }, { follow: false }).catch(() => ({ status: 599 }));
            if (answer.status === 303)
                written.push(text);
            else
                bad.push(answer.status);
        }
    };
    const writers = [0, 1, 2, 3].map(writer);
    const pid = await master('serve');
    for (let i = 0; i < 6; i++) {
        await sleep(250);
        const workers = await childrenOf(pid);
        process.kill(workers[i % workers.length], 'SIGKILL');
        kills++;
    }
    await sleep(300);
    on = false;
    await Promise.all(writers);
    check('posts were written meanwhile', written.length > 20, written.length);
    check('at most one bad answer a killed worker', bad.length <= kills, `${bad.length}: ${[...new Set(bad)]}`);
    check('the pool heals', await until(async () => (await childrenOf(pid)).length >= 2, 'the pool'));
    const seen = new Set();
    for (let path = '/@ada'; path;) {
        const page = await ben.get(path);
        for (const [text] of page.text.matchAll(/load \d+ \d+ \./g))
            seen.add(text);
        path = page.links({ rel: 'next' })[0]?.href;
    }
    equal('no acknowledged post is lost', written.filter((t) => !seen.has(t)), []);
    const home = new Set();
    await caughtUp(30);
    for (let path = '/'; path;) {
        const page = await ben.get(path);
        for (const [text] of page.text.matchAll(/load \d+ \d+ \./g)) {
            check('nothing stands twice', !home.has(text) , text);
            home.add(text);
        }
        path = page.links({ rel: 'next' })[0]?.href;
    }
    equal('all of them reach the home of a follower', written.filter((t) => !home.has(t)), []);
});

await part('kill -9 of the event worker', async () => {
    const pid = await master('work');
    await ben.get('/');
    for (let i = 0; i < 5; i++) {
        await ada.act('/posts', { text: `while work dies ${i} .`, audience: 'public' }, { follow: false });
        for (const child of await childrenOf(pid))
            process.kill(child, 'SIGKILL');
        await sleep(120);
    }
    await until(async () => [0, 1, 2, 3, 4].every(async (i) => (await ben.get('/')).text.includes(`while work dies ${i} .`)), 'the posts', 30);
    await caughtUp(40);
    const text = (await ben.get('/')).text;
    for (let i = 0; i < 5; i++)
        equal(`post ${i} arrived once`, text.split(`while work dies ${i} .`).length - 1, 1);
    check('nothing was parked', (await deeplink('events', 'list')).includes('No dead letters'));
});

await part('kill -9 in the middle of a fan-out', async () => {
    const pid = await master('work'), names = ['fan_one', 'fan_two', 'fan_three'];
    const authors = [ada, ...await Promise.all(names.map((name) => member(name)))], readers = [ben, ...await Promise.all(['ear_one', 'ear_two'].map((name) => member(name)))];
    for (const reader of readers)
        for (const author of authors) {
            const form = /\/members\/(\d+)\/follow/.exec((await reader.get(`/@${author.handle}`)).html);
            if (form)
                await reader.act(`/members/${form[1]}/follow`);
        }
    await caughtUp(60);
    for (const reader of readers)
        await reader.get('/');
    const written = [], tokens = await Promise.all(authors.map((author) => author.csrf()));
    let on = true, kills = 0;
    const writers = authors.map(async (author, n) => {
        for (let i = 0; i < 25; i++) {
            const text = `fanned out ${n} ${i} .`;
            const answer = await author.post('/posts', { csrf: tokens[n], text, audience: 'public' }, { follow: false });
            equal('it is written', answer.status, 303);
            written.push(text);
        }
    });
    const killer = (async () => {
        for (; on; await sleep(35))
            for (const child of await childrenOf(pid)) {
                process.kill(child, 'SIGKILL');
                kills++;
            }
    })();
    await Promise.all(writers);
    on = false;
    await killer;
    check('it was killed meanwhile', kills > 0, kills);
    await caughtUp(60);
    for (const reader of readers) {
        const seen = [];
        for (let path = '/'; path;) {
            const page = await reader.get(path);
            seen.push(...[...page.text.matchAll(/fanned out \d+ \d+ \./g)].map(([text]) => text));
            path = page.links({ rel: 'next' })[0]?.href;
        }
        equal(`every post is at ${reader.handle}'s home, once`, seen.sort(), [...written].sort());
    }
    check('nothing was parked', (await deeplink('events', 'list')).includes('No dead letters'));
});

await part('Redis emptied', async () => {
    await ben.act(`/posts`, { text: 'before the flood .', audience: 'public' });
    const before = (await new Client().get('/@ada')).text;
    await run('redis-cli', ['-u', process.env.TEST_REDIS, 'FLUSHALL']);
    equal('sessions are gone', await status('/settings/profile', ben), 303);
    equal('strangers see what they saw', (await new Client().get('/@ada')).text, before);
    const again = new Client();
    const page = await again.submit((await again.get('/login')).form('/login'), { login: 'ben', password: 'quiet meadow lantern' });
    check('home is whole again', page.text.includes('before the flood .') && /fanned out \d+ 24 \./.test(page.text));
    await again.act(`/members/${adaId}/unfollow`);
    check('relations still hold', !(await again.get('/')).text.includes('while work dies'));
    await again.act(`/members/${adaId}/follow`);
});

const whole = new Client(); // signed in again after the flood
await whole.submit((await whole.get('/login')).form('/login'), { login: 'ada', password: 'quiet meadow lantern' });

await part('PostgreSQL stopped and started', async () => {
    await caughtUp(40); // consumers drop what they repair, so that it is read anew
    for (let i = 0; i < 6; i++) // relations, timeline and posts come to rest, in every worker
        await whole.get('/');
    await server('stop', 'postgres');
    const page = await whole.act('/posts', { text: 'not now', audience: 'public' }, { follow: false });
    equal('writing is 503', page.status, 503);
    check('it says when to try again', Number(page.header('retry-after')) > 0, page.header('retry-after'));
    equal('alive', await status('/livez'), 200);
    equal('not ready', await status('/readyz'), 503);
    equal('files are served', await status('/login'), 200);
    equal('home comes from Redis', await status('/', whole), 200);
    await server('start', 'postgres');
    await until(async () => (await status('/readyz')) === 200, 'readiness', 20);
    // Each worker tries its own connection at most once a second; where services live apart there are more of them.
    await until(async () => (await whole.act('/posts', { text: 'now again .', audience: 'public' }, { follow: false })).status === 303, 'writing', 10);
    await caughtUp(30);
});

await part('Redis stopped and started', async () => {
    await server('stop', 'redis');
    equal('alive', await status('/livez'), 200);
    equal('strangers read on', await status('/@ada'), 200);
    const page = await whole.get('/settings/profile', { follow: false });
    equal('members wait: 503', page.status, 503);
    check('it says when to try again', Number(page.header('retry-after')) > 0);
    await server('start', 'redis');
    await until(async () => (await status('/readyz')) === 200, 'readiness', 20);
    const again = new Client();
    const home = await served(async () => {
        const page = await again.get('/login');
        return page.status !== 200 ? page : again.submit(page.form('/login'), { login: 'ada', password: 'quiet meadow lantern' });
    }, 'the log-in');
    check('log-in works again', home.status === 200 && home.text.includes('now again .'), home.status);
});

await part('draining', async () => {
    const pid = await master('serve');
    const answers = [];
    let on = true;
    const reader = (async () => {
        while (on)
            answers.push(await status('/login'));
    })();
    process.kill(pid, 'SIGHUP');
    await sleep(1500);
    on = false;
    await reader;
    equal('a reload refuses nobody', [...new Set(answers)], [200]);
    check('there were answers', answers.length > 20, answers.length);
});

const logs = await Promise.all((await readdir(`${process.env.TEST_SITE}/log`)).filter((f) => f.endsWith('.log') && !f.startsWith('nginx'))
    .map((f) => readFile(`${process.env.TEST_SITE}/log/${f}`, 'utf8')));
check('every line of the log is JSON', logs.join('').split('\n').filter(Boolean).every((l) => { try { JSON.parse(l); return true; } catch { console.log(l); return false; } }));

await finish();
