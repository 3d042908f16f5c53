// Nobody makes files here: whoever waits for one waits as long as they may. One of four workers may wait, and the
// others answer at once, also when workers that waited are killed.
// harness: long
// harness: alone
// harness: set rate_limits = no
// harness: set workers = 4
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, check, equal, finish, member, part, token, until } from './lib.mjs';
import { multipart, png } from './lib_media.mjs';

const { TEST_ROOT, TEST_SITE, TEST_SHAPE } = process.env;
const WAIT_MS = 3000, AT_ONCE = 4;
const pool = (service) => (TEST_SHAPE === 'single' ? 'serve' : `serve-${service}`);
await promisify(execFile)(path.join(TEST_ROOT, 'tests/harness/stack.sh'), ['server', 'stop', 'work']);

await member('ada');
const ada = new Client({ headers: { authorization: `Bearer ${await token('ada')}` } });

let colour = 0;
const picture = () => png(16, 16, [colour++, 80, 40]);
const upload = (version) => ada.request('POST', `/api/v${version}/media`, multipart([['file', picture(), 'a.png', 'image/png']]));
const avatar = () => ada.request('PATCH', '/api/v1/accounts/update_credentials', multipart([['avatar', picture(), 'a.png', 'image/png']]));

/** Sends some at the same time. { answers: those that have come, in this order, with their time in `ms`; all: waits for the rest }. */
function together(send, n = AT_ONCE) {
    const answers = [], begun = Date.now();
    const all = Promise.all(Array.from({ length: n }, async () => {
        const answer = await send().catch(() => ({ status: 0 }));
        answers.push(Object.assign(answer, { ms: Date.now() - begun }));
    }));
    return { answers, all };
}

const times = (answers) => answers.map(({ ms }) => ms);

async function oneWaits(what, send) {
    const { answers, all } = together(send);
    await all;
    equal(`${what}: all are answered`, answers.map(({ status }) => status), Array(AT_ONCE).fill(200));
    check(`${what}: one waits as long as it may`, answers[3].ms >= WAIT_MS, times(answers));
    check(`${what}: the others do not`, answers[2].ms < WAIT_MS, times(answers));
    return answers;
}

await part('uploads', async () => {
    const answers = await oneWaits('uploads', () => upload(1));
    for (const answer of answers) {
        const made = answer.json();
        equal('what is not ready has no address', [typeof made.id, made.type, made.url], ['string', 'image', null]);
    }
    equal('and is asked for until it is', (await ada.request('GET', `/api/v1/media/${answers[0].json().id}`)).status, 206);
});

await part('pictures of a member', async () => {
    for (const answer of await oneWaits('avatars', avatar))
        equal('the answer is the account', answer.json().username, 'ada');
});

await part('others meanwhile', async () => {
    const { answers, all } = together(() => upload(1), 1);
    const timeline = await together(() => ada.request('GET', '/api/v1/timelines/home'), 30);
    await timeline.all;
    equal('others read on', timeline.answers.filter(({ status }) => status === 200).length, 30);
    equal('while one waits', answers.length, 0);
    equal('who does not ask to wait is not kept waiting', (await upload(2)).status, 202);
    await all;
});

await part('workers that wait are killed', async () => {
    const master = readFileSync(path.join(TEST_SITE, `${pool('media')}.pid`), 'utf8').split('\n')[0];
    const workers = () => readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ').map(Number);
    for (let i = 0; i < 2; i++) {
        const { answers, all } = together(() => upload(1));
        await until(() => answers.length === 3, 'those that do not wait');
        const old = workers();
        old.forEach((pid) => process.kill(pid, 'SIGKILL'));
        await all;
        check('who waited is told', answers[3].status === 0 || answers[3].status >= 500, answers[3].status);
        await until(async () => !workers().some((pid) => old.includes(pid)) && workers().length >= AT_ONCE, 'other workers');
        await until(async () => (await new Client().send('GET', '/readyz').catch(() => ({}))).status === 200, 'a site that is ready', 30);
    }
    await oneWaits('after that', () => upload(1));
});

await finish();
