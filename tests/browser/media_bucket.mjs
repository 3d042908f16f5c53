// Pictures and video out of a bucket, which is another origin, on pages that nginx keeps for strangers: the policy lets them
// be shown, and nothing of any other origin.
// harness: s3
// harness: set rate_limits = no
import { existsSync } from 'node:fs';
import { check, equal, finish, launch, member, newPage, open, part, until } from './lib.mjs';
import { choose, photo, post, reloadUntil, video } from './lib_media.mjs';

const bucket = new URL(/endpoint=([^&]+)/.exec(process.env.TEST_S3)[1]).origin;
const browser = await launch(), ada = await member('ada');
const files = [photo(), video()];

/** What a page has complained of, but for the bucket's being another host. */
const complaints = (page) => page.problems.splice(0).filter((line) => !line.startsWith(`another host: ${bucket}/`));

/** Writes a post with the files; its path. */
async function write() {
    const page = await newPage(await open(browser, { client: ada }));
    await page.goto('/compose');
    await page.fill('#text', 'Kept far away');
    await choose(page, files, true);
    for (const n of [1, 2])
        await page.locator(`[name=words_${n}]`).fill(`Number ${n}`);
    await post(page);
    await reloadUntil(page, '.focus a.shot img', 'the picture');
    await reloadUntil(page, '.focus .shot video', 'the video');
    const path = new URL(page.url()).pathname;
    await page.context().close();
    return path;
}

/** A page that notes what it gets of the bucket. */
async function watched(options) {
    const page = await newPage(await open(browser, options));
    page.came = [];
    page.on('response', (r) => { if (r.url().startsWith(`${bucket}/`)) page.came.push(r.status()); });
    return page;
}

/** The picture is shown, the video moves on, and both came from the bucket. */
async function shows(page, what) {
    check(`${what}: the picture is decoded`, await page.locator('.focus a.shot img').evaluate(async (i) => {
        i.loading = 'eager';
        await i.decode();
        return i.naturalWidth > 0;
    }));
    const clip = page.locator('.focus .shot video');
    await clip.evaluate((v) => {
        v.muted = true;
        return v.play();
    });
    await until(() => clip.evaluate((v) => v.currentTime > 0.3), 'the video to move on', 20);
    check(`${what}: out of the bucket`, page.came.length > 1 && page.came.every((s) => s === 200 || s === 206), page.came);
    equal(`${what}: no complaint`, complaints(page), []);
}

await part('a post with a picture and a video', async () => {
    const path = await write(), page = await watched({});
    await page.goto(path);
    await until(() => existsSync(`${process.env.TEST_SITE}/pages${path}/index.html`), 'the kept page');
    const kept = await page.goto(path);
    equal('nginx keeps the page', kept.headers()['cache-control'], 'no-cache');
    await shows(page, 'a stranger');
    const refused = await page.evaluate(() => new Promise((done) => {
        document.addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective));
        document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:1/x.png' }));
    }));
    equal('another origin is not allowed', refused, 'img-src');
    await page.context().close();
    const own = await watched({ client: ada });
    await own.goto(path);
    await shows(own, 'a member');
    await own.context().close();
});

await browser.close();
finish();
