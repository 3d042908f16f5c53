// For the programs about Kafka: somebody who posts and somebody at whose home it arrives.
import { deeplink, member, until } from './lib.mjs';

/** Ada, whom Ben follows; what Ada posts, how often it is at Ben's home, and that it comes there. */
export async function friends() {
    const ada = await member('ada'), ben = await member('ben');
    const adaId = /\/members\/(\d+)\/follow/.exec((await ben.get('/@ada')).html)[1];
    await ben.act(`/members/${adaId}/follow`);
    await ben.get('/');
    const post = async (text) => (await ada.post('/posts', { csrf: await ada.csrf(), text, audience: 'public' }, { follow: false })).status;
    const atHome = async (text) => (await ben.get('/')).text.split(text).length - 1;
    const arrives = (text) => until(async () => await atHome(text) > 0, text, 40);
    return { post, atHome, arrives };
}

/** What the doctor says of one thing, also when it is not well. */
export const doctor = async (name) => JSON.parse(await deeplink('doctor', '--json').catch((e) => e.stdout)).find((c) => c.name === name);
