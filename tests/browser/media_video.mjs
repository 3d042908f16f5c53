// A long video, for followers alone: the page offers it in pieces and whole, whichever the browser takes plays, and moves on
// from the middle. Who may not see the post gets neither.
// harness: set rate_limits = no
import { Client, check, equal, finish, launch, member, newPage, open, part, silent, until } from './lib.mjs';
import { choose, longVideo, post, reloadUntil } from './lib_media.mjs';

const browser = await launch(), ada = await member('ada'), ben = await member('ben'), eve = await member('eve');
const page = await newPage(await open(browser, { client: ada }));
const clip = (p) => p.locator('.focus .shot video');
const sources = (p) => clip(p).locator('source').evaluateAll((all) => all.map((s) => [s.type, s.getAttribute('src')]));
let path;

/** It plays from the beginning and from the middle, without a word of trouble. */
async function plays(p, who) {
    await clip(p).evaluate((v) => {
        v.muted = true;
        return v.play();
    });
    await until(() => clip(p).evaluate((v) => v.currentTime > 0.3), 'the video to move on', 30);
    check(`${who}: it is as long as it was`, await clip(p).evaluate((v) => Math.abs(v.duration - 70) < 1), await clip(p).evaluate((v) => v.duration));
    await clip(p).evaluate((v) => { v.currentTime = 45; });
    await until(() => clip(p).evaluate((v) => v.currentTime > 45.3 && !v.seeking), 'the video to move on from there', 30);
    check(`${who}: it has a picture and no fault`, await clip(p).evaluate((v) => v.videoWidth > 0 && !v.error));
    silent(p, who);
}

await part('a long video for followers', async () => {
    const id = /\/members\/(\d+)\//.exec((await ben.get('/@ada')).html)[1];
    await ben.act(`/members/${id}/follow`);
    await page.goto('/compose');
    await page.fill('#text', 'An hour at the pier');
    await choose(page, longVideo(), true);
    await page.locator('[name=words_1]').fill('A test picture that moves');
    await page.selectOption('#audience', 'followers');
    await post(page);
    await reloadUntil(page, '.focus .shot video', 'the video');
    path = new URL(page.url()).pathname;
    await plays(page, 'who wrote it');
});

await part('who may see it', async () => {
    const reader = await newPage(await open(browser, { client: ben }));
    await reader.goto(path);
    const [pieces, whole] = await sources(reader);
    equal('in pieces first, then whole', [pieces[0], whole[0]], ['application/vnd.apple.mpegurl', 'video/mp4']);
    check('by signed addresses', [pieces, whole].every(([, src]) => /\?e=\d+&s=/.test(src)));
    const played = await clip(reader).evaluate((v) => v.canPlayType('application/vnd.apple.mpegurl') !== '');
    await plays(reader, 'a follower');
    const source = new URL(await clip(reader).evaluate((v) => v.currentSrc));
    equal('the browser took what it can play', source.pathname + source.search, played ? pieces[1] : whole[1]);
    const list = await ben.request('GET', pieces[1]), piece = /\/m\/[0-9a-f]+\.mp4\?e=\d+&s=[\w-]+/.exec(list.html)?.[0];
    equal('the playlist is one', [list.status, list.header('content-type')], [200, 'application/vnd.apple.mpegurl']);
    check('its piece has an address of its own', !!piece, list.html.slice(0, 300));
    const part0 = await ben.request('GET', piece, { headers: { range: 'bytes=0-99' } });
    equal('which gives parts', [part0.status, part0.body.length], [206, 100]);
    equal('and nothing without its signature', (await ben.request('GET', piece.replace(/\?.*/, ''))).status, 404);
    await reader.context().close();
});

await part('where the browser plays no playlists', async () => {
    const reader = await newPage(await open(browser, { client: ben }));
    await reader.route(path, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: (await answer.text()).replace('application/vnd.apple.mpegurl', 'application/x-unknown') });
    });
    await reader.goto(path);
    await plays(reader, 'another browser');
    check('the whole video is what plays', /\.mp4\?/.test(await clip(reader).evaluate((v) => v.currentSrc)));
    await reader.context().close();
});

await part('who may not', async () => {
    for (const [who, client] of [['a stranger', new Client()], ['a member who does not follow', eve]]) {
        equal(`${who}: no post`, (await client.request('GET', path)).status, 404);
        equal(`${who}: no page of the video`, (await client.request('GET', `/posts/${path.split('/').pop()}/media/1`)).status, 404);
    }
});

await browser.close();
finish();
