// A site whose bus is Kafka, its services apart: events reach those whom they concern, also when the broker or the workers
// die meanwhile.
// harness: kafka
// harness: split
// harness: set rate_limits = no
// harness: set bus_options = session.timeout.ms=1500 heartbeat.interval.ms=300
import { readFile, readdir } from 'node:fs/promises';
import { Client, caughtUp, check, deeplink, equal, finish, part, server } from './lib.mjs';
import { doctor, friends } from './lib_kafka.mjs';

const { post, atHome, arrives } = await friends();
const metric = async (name, consumer) => {
    const text = (await new Client().get('/metrics')).html;
    return Number(new RegExp(`^${name}\\{consumer="${consumer}"\\} ([\\d.]+)$`, 'm').exec(text)?.[1] ?? NaN);
};
const relayIsCounted = async () => Number.isFinite(await metric('deeplink_events_waiting', 'relay'));

await part('an event by way of Kafka', async () => {
    equal('the post is taken', await post('by way of Kafka .'), 303);
    await arrives('by way of Kafka .');
    await caughtUp();
    check('the relay is counted', await relayIsCounted());
    equal('nothing waits', await metric('deeplink_events_waiting', 'timelines'), 0);
    equal('nothing is tried again', await metric('deeplink_events_retrying', 'timelines'), 0);
    equal('nothing is dead', await metric('deeplink_events_dead', 'timelines'), 0);
    const bus = await doctor('bus');
    check('the doctor finds the broker', bus.verdict === 'ok' && /Kafka, 1 broker,/.test(bus.words), bus.words);
    check('the last events can be seen', /post\.v1 +post\.created/.test(await deeplink('events', 'tail', '--topic', 'post.v1')));
});

await part('the broker is down', async () => {
    await server('stop', 'kafka');
    for (let i = 0; i < 3; i++)
        equal(`post ${i} is taken`, await post(`while it is down ${i} .`), 303);
    equal('the site is ready', (await new Client().get('/readyz')).status, 200);
    check('the lag rises', await metric('deeplink_events_waiting', 'relay') >= 3);
    check('so does that of the consumer', await metric('deeplink_events_waiting', 'timelines') >= 3);
    const bus = await doctor('bus');
    check('the doctor says so', bus.verdict === 'broken' && /Kafka|127\.0\.0\.1/.test(bus.words), bus.words);
    for (const name of await readdir(process.env.TEST_SITE))
        if (/^work.*\.pid$/.test(name)) {
            const pid = (await readFile(`${process.env.TEST_SITE}/${name}`, 'utf8')).trim();
            for (const child of (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean))
                process.kill(Number(child), 'SIGKILL');
        }
    await server('start', 'kafka');
    for (let i = 0; i < 3; i++)
        await arrives(`while it is down ${i} .`);
    await caughtUp();
    for (let i = 0; i < 3; i++)
        equal(`post ${i} stands there once`, await atHome(`while it is down ${i} .`), 1);
});

await part('a consumer handles everything again', async () => {
    check('it is set back', /^timelines goes on from there in \d+ places/.test(await deeplink('events', 'rewind', 'timelines', '--start')));
    equal('a post after it is taken', await post('after all that .'), 303);
    await arrives('after all that .');
    await caughtUp();
    for (const text of ['by way of Kafka .', 'while it is down 0 .', 'after all that .'])
        equal(`"${text}" stands there once`, await atHome(text), 1);
    check('nothing is dead', (await deeplink('events', 'list')).includes('No dead letters'));
    check('a consumer that is not there is not set back',
        await deeplink('events', 'rewind', 'timeline', '--start').then(() => false, (e) => /no such consumer/.test(e.stderr)));
    check('nor without saying from where', await deeplink('events', 'rewind', 'timelines').then(() => false, (e) => e.code === 2));
});

await finish();
