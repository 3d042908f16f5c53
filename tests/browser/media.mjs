// Pictures, video and files, from the composer to the post: on a phone and a desktop, with and without a script. What is shown
// is really there: pictures are decoded, videos move on.
// harness: long
// harness: set rate_limits = no
import { DESKTOP, PHONE, axeFinds, check, equal, finish, inspect, launch, member, newPage, nothing, open, part, silent, tap, until, write } from './lib.mjs';
import { animation, choose, decoded, file, items, photo, post, postButton, reloadUntil, sound, video, READY } from './lib_media.mjs';

const browser = await launch();
const ada = await member('ada', { name: 'Ada Lovelace' }), ben = await member('ben', { name: 'Ben' });
const files = { photo: photo(), tall: photo('tall.png', 600, 1200), small: photo('small.jpg', 400, 400), third: photo('third.png', 800, 400), video: video(), loop: animation(), sound: sound(),
    notes: file('notes.txt', 'Some notes\n'), bad: file('bad.jpg', '<html><script>alert(1)</script></html>') };

const shapes = [['phone', PHONE, true], ['desktop', DESKTOP, true], ['phone without script', PHONE, false], ['desktop without script', DESKTOP, false]];

// ---- helpers -------------------------------------------------------------------------------------------------------------

const colour = (page, selector, x) => page.locator(selector).first().evaluate((image, at) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 10, height: 10 }), c = canvas.getContext('2d');
    c.drawImage(image, 0, 0, 10, 10);
    const [r, g] = c.getImageData(at, 5, 1, 1).data;
    return r > g ? 'red' : 'green';
}, x);

// ---- a photo and a video, in every shape ---------------------------------------------------------------------------------------

async function photoAndVideo(name, viewport, script) {
    const context = await open(browser, { client: ada, viewport, script }), page = await newPage(context);
    const text = `Look at this, ${name}`;
    await page.goto('/');
    await page.fill('#text', text);
    await choose(page, files.photo, script);
    equal(`${name}: what was typed is still there`, await page.inputValue('#text'), text);
    await page.locator('[name=words_1]').fill('Red on the left');
    await choose(page, files.video, script);
    equal(`${name}: … with the words of the first file`, await page.inputValue('[name=words_1]'), 'Red on the left');
    await page.locator('[name=words_2]').fill('A test picture that moves');
    nothing(`${name}: axe finds nothing in the composer`, await axeFinds(page));
    await inspect(page, `${name}, composer`);
    await page.locator('.att').nth(1).getByRole('button', { name: 'Up' }).click();
    equal(`${name}: the second file goes up`, await page.inputValue('[name=words_1]'), 'A test picture that moves');
    await page.locator('.att').first().getByRole('button', { name: 'Down' }).click();
    equal(`${name}: and down again`, await page.inputValue('[name=words_1]'), 'Red on the left');
    await post(page);
    await page.goto('/@ada');
    const article = page.locator('article', { hasText: text });
    const id = (await article.getAttribute('id')).slice(1);
    await page.goto(`/@ada/${id}`);
    await reloadUntil(page, '.focus a.shot img', 'the picture');
    await reloadUntil(page, '.focus .shot video', 'the video');
    check(`${name}: the picture is decoded`, await decoded(page, '.focus a.shot img'));
    equal(`${name}: it is that picture`, [await colour(page, '.focus a.shot img', 1), await colour(page, '.focus a.shot img', 8)], ['red', 'green']);
    equal(`${name}: with its words`, await page.locator('.focus a.shot img').getAttribute('alt'), 'Red on the left');
    check(`${name}: its size is known before it comes`, await page.locator('.focus .shot :is(img, video)').evaluateAll((all) => all.every((e) => Number(e.getAttribute('width')) > 0 && Number(e.getAttribute('height')) > 0)));
    await plays(page, name);
    nothing(`${name}: axe finds nothing in the post`, await axeFinds(page));
    await inspect(page, `${name}, post`);
    await page.goto('/');
    check(`${name}: it stands in the timeline`, await page.locator(`#p${id} a.shot`).count() === 1);
    silent(page, name);
    await context.close();
}

/** The video moves on when it is told to. */
async function plays(page, name) {
    const clip = page.locator('.focus .shot video');
    equal(`${name}: the video has its words`, await clip.getAttribute('aria-label'), 'A test picture that moves');
    await clip.evaluate((v) => {
        v.muted = true;
        return v.play();
    });
    await until(() => clip.evaluate((v) => v.currentTime > 0.3), 'the video to move on', 20);
    check(`${name}: the video plays`, await clip.evaluate((v) => v.videoWidth > 0 && !v.error));
}

for (const [name, viewport, script] of shapes)
    await part(`a photo and a video (${name})`, () => photoAndVideo(name, viewport, script));

// ---- what the script adds ----------------------------------------------------------------------------------------------------------

const context = await open(browser, { client: ada }), page = await newPage(context);

await part('a picture without a description', async () => {
    await page.goto('/compose');
    await choose(page, files.small, true);
    await postButton(page).click();
    await page.locator('.remind').waitFor();
    equal('nothing is sent before one is asked', new URL(page.url()).pathname, '/compose');
    equal('the question is read aloud', await page.locator('.remind').getAttribute('role'), 'alert');
    nothing('axe finds nothing', await axeFinds(page));
    await page.getByRole('button', { name: 'Describe it' }).click();
    equal('the field is reached', await page.evaluate('document.activeElement.name'), 'words_1');
    await postButton(page).click();
    await page.getByRole('button', { name: 'Post anyway' }).click();
    await page.waitForURL(/\/@ada\/\d+/);
    check('a post may be a picture alone', await page.locator('.focus').count() === 1);
});

await part('a file that is refused', async () => {
    await page.goto('/compose');
    await page.locator('#text').focus();
    await page.locator('#file').setInputFiles([files.bad, files.small]);
    await page.locator('.att.failed').waitFor();
    await until(async () => await items(page).count() === 1, 'the other one');
    check('the reason stands beside it', /not taken/.test(await page.locator('.att.failed .error').textContent()));
    check('with its name', /bad\.jpg/.test(await page.locator('.att.failed').textContent()));
    await page.locator('.att.failed').getByRole('button', { name: 'Cancel' }).click();
    equal('it can be let go', await page.locator('.att').count(), 1);
    page.problems.splice(0); // the browser says that it was refused
});

await part('a file that is refused, without a script', async () => {
    const plain = await newPage(await open(browser, { client: ada, script: false }));
    await plain.goto('/compose');
    await plain.fill('#text', 'Words that must not be lost');
    await plain.locator('.attach > summary').click();
    await plain.locator('#file').setInputFiles([files.small, files.bad]);
    await plain.getByRole('button', { name: 'Add files' }).click();
    check('the reason stands beside the field, with the name', /bad\.jpg.*not taken/.test(await plain.locator('#file-error').textContent()));
    equal('what is good was taken', await plain.locator('.att').count(), 1);
    equal('the words are there', await plain.inputValue('#text'), 'Words that must not be lost');
    nothing('axe finds nothing', await axeFinds(plain));
    await plain.locator('#file').setInputFiles(files.small);
    await postButton(plain).click();
    check('a file that was not sent yet is not lost in silence', /Add files/.test(await plain.locator('#file-error').textContent()));
    equal('and the other is still there', await plain.locator('.att').count(), 1);
    await plain.context().close();
});

await part('more than four', async () => {
    await page.goto('/compose');
    await page.locator('#text').focus();
    await page.locator('#file').setInputFiles([files.small, files.tall, files.third, files.notes, files.photo]);
    await until(async () => await items(page).count() === 4, 'four of them', READY);
    check('the fifth is refused with words', /4/.test(await page.locator('.noted').textContent()));
});

await part('order by drag, focus by a click', async () => {
    await page.goto('/compose');
    await choose(page, [files.photo, files.small], true);
    await page.locator('[name=words_1]').fill('first');
    await page.locator('[name=words_2]').fill('second');
    const [from, to] = [await page.locator('.thumb').nth(1).boundingBox(), await page.locator('.att').first().boundingBox()];
    await page.mouse.move(from.x + 8, from.y + from.height - 4);
    await page.mouse.down();
    await page.mouse.move(to.x + 20, to.y + 30, { steps: 4 });
    await page.mouse.move(to.x + 20, to.y + 5, { steps: 4 });
    await page.mouse.up();
    equal('the second is the first now', await page.inputValue('[name=words_1]'), 'second');
    const aim = page.locator('.att').nth(1).locator('.aim');
    await aim.waitFor({ timeout: READY * 1000 });
    const box = await aim.boundingBox();
    await aim.click({ position: { x: box.width * 0.9, y: box.height * 0.5 } });
    const [x, y] = (await page.inputValue('[name=focus_2]')).split(',').map(Number);
    check('the point is where the click was', Math.abs(x - 0.8) < 0.1 && Math.abs(y) < 0.1, `${x},${y}`);
    await aim.focus();
    await page.keyboard.press('ArrowUp');
    check('keys move it', Math.abs(Number((await page.inputValue('[name=focus_2]')).split(',')[1]) - y - 0.1) < 0.02);
    nothing('axe finds nothing', await axeFinds(page));
    await page.fill('#text', 'The right side counts');
    await post(page);
    await reloadUntil(page, '.focus a.shot:nth-of-type(2) img', 'both pictures');
    check('the point is kept', await page.locator('.focus a.shot img').nth(1).evaluate((i) => /fx9|fx8/.test(i.className)));
    silent(page, 'order and focus');
});

await part('pasted and dropped', async () => {
    await page.goto('/compose');
    await page.locator('#text').focus();
    await page.waitForFunction(() => document.querySelector('.composer').dataset.files);
    for (const kind of ['paste', 'drop'])
        await page.evaluate(async (type) => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 50, height: 50 }), data = new DataTransfer();
            canvas.getContext('2d').fillRect(0, 0, 50, 50);
            data.items.add(new File([await new Promise((done) => { canvas.toBlob(done); })], `${type}.png`, { type: 'image/png' }));
            const event = type === 'paste' ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
                : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector('#text').dispatchEvent(event);
        }, kind);
    await until(async () => await items(page).count() === 2, 'both', READY);
    check('both came', true);
});

// ---- the post ----------------------------------------------------------------------------------------------------------------

let gallery;

await part('a gallery, large by keyboard', async () => {
    await page.goto('/compose');
    await choose(page, [files.photo, files.tall, files.third], true);
    for (const n of [1, 2, 3])
        await page.locator(`[name=words_${n}]`).fill(`Number ${n}`);
    await post(page);
    gallery = new URL(page.url()).pathname;
    await reloadUntil(page, '.focus a.shot:nth-of-type(3) img', 'three pictures');
    await page.locator('.focus a.shot').first().focus();
    await page.keyboard.press('Enter');
    const viewer = page.locator('dialog.viewer');
    await viewer.waitFor();
    equal('the first is shown', await viewer.locator('figcaption p').textContent(), 'Number 1');
    check('large', await decoded(page, '.viewer img'));
    nothing('axe finds nothing', await axeFinds(page));
    await page.keyboard.press('ArrowRight');
    await until(async () => await viewer.locator('figcaption p').textContent() === 'Number 2', 'the second');
    await page.keyboard.press('ArrowLeft');
    await until(async () => await viewer.locator('figcaption p').textContent() === 'Number 1', 'the first again');
    check('the focus stays inside', await page.evaluate(() => !!document.activeElement.closest('dialog')));
    await page.keyboard.press('Escape');
    equal('it is closed', await viewer.isVisible(), false);
    equal('the focus is back on the picture', await page.evaluate(() => document.activeElement.className), 'shot');
    equal('the page is the same', new URL(page.url()).pathname, gallery);
    silent(page, 'the gallery');
});

await part('the same by plain links', async () => {
    const plain = await newPage(await open(browser, { client: ben, script: false, viewport: PHONE }));
    await plain.goto(gallery);
    await plain.locator('.focus a.shot').first().click();
    await plain.waitForURL(/\/media\/1$/);
    check('a page of its own', /\/posts\/\d+\/media\/1$/.test(plain.url()));
    await inspect(plain, 'a picture');
    nothing('axe finds nothing', await axeFinds(plain));
    await plain.getByRole('link', { name: 'Next' }).click();
    await plain.getByRole('link', { name: 'Next' }).click();
    check('the last has no next', await plain.getByRole('link', { name: 'Next' }).count() === 0 && /\/3$/.test(plain.url()));
    await plain.getByRole('link', { name: 'Close' }).click();
    equal('back at the post', new URL(plain.url()).pathname, gallery);
    silent(plain, 'plain links');
    await plain.context().close();
});

await part('sound, a loop and a document', async () => {
    await page.goto('/compose');
    await choose(page, [files.loop, files.sound, files.notes], true);
    await page.locator('[name=words_1]').fill('A test picture');
    await page.locator('[name=words_2]').fill('A tone');
    await post(page);
    await reloadUntil(page, '.focus video', 'the loop');
    await reloadUntil(page, '.focus audio', 'the sound');
    await reloadUntil(page, '.focus .file', 'the document');
    const loop = page.locator('.focus .shot video');
    await page.locator('.focus .beat').waitFor();
    check('the loop waits for who wants it calm', await loop.evaluate((v) => v.paused));
    await page.getByRole('button', { name: 'Play' }).click();
    await until(() => loop.evaluate((v) => v.currentTime > 0.1 && !v.paused), 'the loop to move');
    await page.getByRole('button', { name: 'Pause' }).click();
    check('and stops', await loop.evaluate((v) => v.paused));
    await page.locator('.focus audio').evaluate((a) => {
        a.muted = true;
        return a.play();
    });
    await until(() => page.locator('.focus audio').evaluate((a) => a.currentTime > 0.2), 'the sound to move on');
    check('the document says what it is', /notes\.txt.*Text/s.test(await page.locator('.focus .file').textContent()));
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.focus .file').click()]);
    check('it is a download', /\.txt$/.test(download.suggestedFilename()) || download.url().includes('/m/'));
    nothing('axe finds nothing', await axeFinds(page));
});

await part('sensitive pictures are covered', async () => {
    await page.goto('/compose');
    await choose(page, files.small, true);
    await page.locator('[name=words_1]').fill('A scratch');
    await page.locator('.warn > summary').click();
    await page.locator('[name=sensitive]').check();
    await post(page);
    await reloadUntil(page, '.focus a.shot', 'the picture');
    equal('not seen at first', await page.locator('.focus a.shot').isVisible(), false);
    await page.locator('.focus .cw > summary').click();
    await page.locator('.focus a.shot').waitFor();
    check('until asked for', true);
});

await part('editing keeps and changes what is attached', async () => {
    const id = gallery.split('/').pop();
    for (const script of [true, false]) {
        const editor = await newPage(await open(browser, { client: ada, script }));
        const count = script ? 2 : 1;
        await editor.goto(`/posts/${id}/edit`);
        await until(async () => await items(editor).count() === count + 1, 'the files of the post');
        await editor.locator('.att').first().getByRole('button', { name: 'Remove' }).click();
        await editor.locator('[name=words_1]').fill(`Now the first, ${script}`);
        await editor.getByRole('button', { name: 'Save' }).click();
        await editor.waitForURL(new RegExp(`${gallery}$`));
        await reloadUntil(editor, `.focus img[alt="Now the first, ${script}"]`, 'the new words');
        equal('one less', await editor.locator('.focus a.shot').count(), count);
        await editor.context().close();
    }
});

await part('only followers get what is for followers', async () => {
    await page.goto('/compose');
    await choose(page, photo('private.jpg', 300, 200), true); // of its own: a file that a public post has, too, is public
    await page.locator('[name=words_1]').fill('Not for everybody');
    await page.selectOption('#audience', 'followers');
    await post(page);
    await reloadUntil(page, '.focus a.shot img', 'the picture');
    const address = await page.locator('.focus a.shot img').getAttribute('src');
    check('its address is signed', /[?&]s=/.test(address), address);
    check('and works for who may see it', await decoded(page, '.focus a.shot img'));
    const stranger = await newPage(await open(browser, {}));
    equal('its page is not for strangers', (await stranger.goto(page.url().replace(/@ada\/(\d+).*/, 'posts/$1/media/1'))).status(), 404);
    equal('nor its file without a signature', (await stranger.goto(address.replace(/\?.*/, ''))).status(), 404);
    await stranger.context().close();
});

// ---- members -----------------------------------------------------------------------------------------------------------------

async function ownPicture(name, viewport, script) {
    const member = await newPage(await open(browser, { client: ben, viewport, script }));
    await member.goto('/settings/picture');
    await inspect(member, `${name}: settings`);
    nothing(`${name}: axe finds nothing`, await axeFinds(member));
    await member.locator('#file-avatar').setInputFiles(files.bad);
    await member.locator('#avatar').getByRole('button', { name: 'Upload' }).click();
    check(`${name}: what is no picture is refused beside its field`, /not|picture/i.test(await member.locator('#avatar #file-error').textContent()));
    await member.goto('/settings/picture');
    await member.locator('#file-avatar').setInputFiles(files.photo);
    await member.selectOption('#avatar-focus', '-1,0');
    await member.fill('#avatar-words', 'Mostly red');
    await member.locator('#avatar').getByRole('button', { name: 'Upload' }).click();
    await member.locator('.notice').waitFor();
    await reloadUntil(member, '#avatar .av img', 'the picture');
    await member.locator('#file-banner').setInputFiles(files.third);
    await member.locator('#banner').getByRole('button', { name: 'Upload' }).click();
    await reloadUntil(member, '#banner .bn img', 'the banner');
    await member.goto('/@ben');
    check(`${name}: both are on the profile`, await decoded(member, '.profile :is(.av, .bn) img'));
    equal(`${name}: with the words`, await member.locator('.face .av img').getAttribute('alt'), 'Mostly red');
    equal(`${name}: cut at what must stay`, await colour(member, '.face .av img', 5), 'red');
    nothing(`${name}: axe finds nothing on the profile`, await axeFinds(member));
    await member.goto('/settings/picture');
    await member.locator('#avatar').getByRole('button', { name: 'Remove it' }).click();
    await member.goto('/@ben');
    equal(`${name}: initials again`, (await member.locator('.face .av').textContent()).trim(), 'B');
    await member.context().close();
}

await part('picture and banner', () => ownPicture('desktop', DESKTOP, true));
await part('picture and banner without a script', () => ownPicture('phone without script', PHONE, false));

await part('pictures of members stand beside what they write', async () => {
    const member = await newPage(await open(browser, { client: ben }));
    await member.goto('/settings/picture');
    await member.locator('#file-avatar').setInputFiles(files.photo);
    await member.locator('#avatar').getByRole('button', { name: 'Upload' }).click();
    await reloadUntil(member, '#avatar .av img', 'the picture');
    const address = await write(ben, 'With my face');
    await page.goto(address);
    check('in the post', await decoded(page, '.focus header .av img'));
    await page.goto('/directory');
    check('in the directory', await decoded(page, '.members .av img'));
    const stranger = await newPage(await open(browser, {}));
    await stranger.goto('/@ben');
    check('for link previews', /\/m\//.test(await stranger.locator('meta[property="og:image"]').getAttribute('content')));
    await stranger.context().close();
    await member.context().close();
});

await browser.close();
finish();
