// What the browser's tests of media share: files, made by ffmpeg in the test's own folder, and the composer with files in it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tap, until } from './lib.mjs';

export const READY = 120; // seconds: one worker makes all of them, on a machine that others use, too

const folder = process.env.TEST_DIR;
const ffmpeg = (...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args]);

/** A picture: red on the left, green on the right, so that what is shown of it can be told. */
export function photo(name = 'photo.jpg', width = 1600, height = 1200) {
    const half = `${width / 2}x${height}`;
    ffmpeg('-f', 'lavfi', '-i', `color=red:size=${half}`, '-f', 'lavfi', '-i', `color=green:size=${half}`, '-filter_complex', 'hstack', '-frames:v', '1', `${folder}/${name}`);
    return `${folder}/${name}`;
}

/** Three seconds of a video with sound. */
export function video(name = 'video.mp4') {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25:duration=3', '-f', 'lavfi', '-i', 'sine=duration=3', '-pix_fmt', 'yuv420p', `${folder}/${name}`);
    return `${folder}/${name}`;
}

/** Seventy seconds: long enough to be had in pieces. */
export function longVideo(name = 'long.mp4') {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=160x90:rate=10:duration=70', '-f', 'lavfi', '-i', 'sine=duration=70', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', `${folder}/${name}`);
    return `${folder}/${name}`;
}

/** A picture that can not be made smaller, of about 750 kB, which takes its time on a slow line. */
export function noise(name = 'noise.png') {
    ffmpeg('-f', 'lavfi', '-i', 'nullsrc=size=500x500', '-vf', 'geq=random(1)*255:128:128,format=rgb24', '-frames:v', '1', `${folder}/${name}`);
    return `${folder}/${name}`;
}

/** A loop without sound. */
export function animation(name = 'loop.gif') {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=160x120:rate=10:duration=1', `${folder}/${name}`);
    return `${folder}/${name}`;
}

export function sound(name = 'sound.mp3') {
    ffmpeg('-f', 'lavfi', '-i', 'sine=duration=2', `${folder}/${name}`);
    return `${folder}/${name}`;
}

/** A file that says what it holds. */
export function file(name, text) {
    writeFileSync(`${folder}/${name}`, text);
    return `${folder}/${name}`;
}

// ---- the composer, and what it made ----------------------------------------------------------------------------------------

export const postButton = (page) => page.locator('.composer .tools button', { hasText: /^Post$/ });
export const items = (page) => page.locator('.att:not(.coming)');
/** Whether all pictures there are decoded to something. */
export const decoded = (page, selector) => page.locator(selector).evaluateAll((all) => Promise.all(all.map(async (i) => {
    i.loading = 'eager';
    await i.decode().catch(() => {});
    return i.naturalWidth > 0;
}))).then((all) => all.length > 0 && all.every(Boolean));

/** Puts files into the composer of the page, and waits until they have come. */
export async function choose(page, paths, script) {
    const before = await items(page).count();
    if (!script && !await page.locator('.attach').evaluate((e) => e.open))
        await page.locator('.attach > summary').click();
    if (script)
        await page.locator('#text').focus();
    await page.locator('#file').setInputFiles(paths);
    if (!script)
        await page.getByRole('button', { name: 'Add files' }).click();
    await until(async () => await items(page).count() === before + [paths].flat().length, 'the files in the form', READY);
}

/** Opens a page again and again until that is there. */
export async function reloadUntil(page, selector, what) {
    await until(async () => {
        if (await page.locator(selector).count() > 0)
            return true;
        await page.reload();
        return false;
    }, what, READY);
}

export async function post(page) {
    await tap(postButton(page));
    await page.waitForURL((url) => !/\/(posts|media)$/.test(url.pathname));
}
