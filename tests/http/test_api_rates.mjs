// How often programs may ask, by token: what each answer says is left, that a member's tokens count together, who is refused
// and how, and that nobody uses up what somebody else may do.
import { Client, check, equal, finish, member, part, sleep, token } from './lib.mjs';

const anon = new Client();
const PATH = '/api/v1/lists', MOST = 300;
await member('ada');
await member('ben');
const [first, second, other] = [await token('ada'), await token('ada'), await token('ben')];
const ask = (bearer, path = PATH) => anon.json('GET', path, undefined, { token: bearer });
const left = (answer) => Number(answer.headers['x-ratelimit-remaining']);
const seconds = (answer) => Number(/;t=(\d+)$/.exec(answer.headers.ratelimit)?.[1]);

// Counts are of five minutes by the clock: the test is not to begin at the end of one.
const begin = await ask(other);
if (seconds(begin) < 60)
    await sleep((seconds(begin) + 1) * 1000);

await part('each answer says what is left', async () => {
    const answer = await ask(first);
    equal('how many in all', answer.headers['x-ratelimit-limit'], `${MOST}`);
    equal('as the draft has it, too', [answer.headers['ratelimit-policy'], answer.headers.ratelimit],
        [`"api";q=${MOST};w=300`, `"api";r=${left(answer)};t=${seconds(answer)}`]);
    check('when it begins anew', Math.abs(Date.parse(answer.headers['x-ratelimit-reset']) - Date.now() - seconds(answer) * 1000) < 5000,
        answer.headers['x-ratelimit-reset']);
    equal('one less each time', left(await ask(first)), left(answer) - 1);
    equal('a member\'s tokens count together', left(await ask(second)), left(answer) - 2);
    check('another member has their own', left(await ask(other)) > left(answer) - 2);
    const refused = await anon.json('POST', '/api/v1/statuses', { status: '' }, { token: first });
    equal('a refusal says it, too', [refused.status, refused.headers['x-ratelimit-limit']], [422, '60']);
});

await part('a token that is none takes nothing of whom it names', async () => {
    const before = left(await ask(first)), forged = `${first.slice(0, first.indexOf('.') + 1)}${'A'.repeat(43)}`;
    for (let i = 0; i < 5; i++)
        equal('it is refused', (await ask(forged)).status, 401);
    equal('their count goes on where it was', left(await ask(first)), before - 1);
    check('it counts for its address', (await ask(forged)).headers['ratelimit-policy'].startsWith('"api-address"'));
});

await part('too often', async () => {
    let answer = await ask(first);
    while (left(answer) > 0)
        answer = (await Promise.all(Array.from({ length: Math.min(left(answer), 20) }, () => ask(first)))).sort((a, b) => left(a) - left(b))[0];
    equal('the last one is answered', [answer.status, left(answer)], [200, 0]);
    const refused = await ask(second);
    equal('then nobody of the member\'s', [refused.status, refused.headers['content-type'], left(refused)], [429, 'application/json', 0]);
    equal('with the words', refused.data.error, 'That was too often in a short time. Wait a little, then try again.');
    const wait = Number(refused.headers['retry-after']);
    check('and when to come again', wait > 0 && wait <= 300 && Math.abs(wait - seconds(refused)) <= 1, wait);
    const own = await ask(first, '/api/deeplink/v1/me');
    equal('in our own API as a problem', [own.status, own.headers['content-type'], own.data.code], [429, 'application/problem+json', 'RESOURCE_EXHAUSTED']);
    equal('others go on', (await ask(other)).status, 200);
    equal('so do those who are nobody', (await anon.json('GET', '/api/v1/instance')).status, 200);
});

await finish();
