// With files in a bucket and a CDN before it, all that shows pages allows media from there: what the workers say, what nginx
// says of pages that it keeps, and its own errors.
// harness: s3
// harness: set rate_limits = no
// harness: set media_cdn = https://cdn.example.org/files
import { existsSync } from 'node:fs';
import { BASE, Client, check, deeplink, equal, finish, member, token, until } from './lib.mjs';
import { png, upload } from './lib_media.mjs';

const bucket = new URL(/endpoint=([^&]+)/.exec(process.env.TEST_S3)[1]).origin, cdn = 'https://cdn.example.org';
const ada = await member('ada'), nobody = new Client();
const program = new Client({ headers: { authorization: `Bearer ${await token('ada')}` } });

/** { directive: sources } of an answer's policy. */
function policy(answer) {
    const text = answer.header('content-security-policy') ?? '';
    return Object.fromEntries(text.split('; ').map((part) => [part.split(' ')[0], part.split(' ').slice(1)]));
}

function allows(what, answer) {
    equal(`${what}: pictures`, policy(answer)['img-src'], ["'self'", 'data:', bucket, cdn]);
    equal(`${what}: video and sound`, policy(answer)['media-src'], ["'self'", bucket, cdn]);
    for (const name of ['default-src', 'script-src', 'style-src', 'connect-src', 'form-action'])
        check(`${what}: nothing else, ${name}`, !/:\/\//.test(policy(answer)[name]), policy(answer)[name]);
}

const { id } = (await upload(program, png(40, 20))).json();
await until(async () => (await program.request('GET', `/api/v1/media/${id}`)).status === 200, 'a picture that is ready', 60);
const status = (await program.json('POST', '/api/v1/statuses', { status: 'Out of a bucket', media_ids: [id] })).data;
const path = new URL(status.url).pathname;

allows('a page of a member', await ada.get(path));
allows('one of a stranger', await nobody.get(path));
await until(() => existsSync(`${process.env.TEST_SITE}/pages${path}/index.html`), 'the kept page');
const kept = await nobody.get(path);
equal('nginx keeps it', kept.header('cache-control'), 'no-cache');
allows('a kept page', kept);
check('its picture is of this site', kept.html.includes('src="/m/'));
equal('kept or not, the policy is one', kept.header('content-security-policy'), (await ada.get(path)).header('content-security-policy'));
allows("nginx's own errors", await nobody.get('/static/nothing.css'));

const [shown] = status.media_attachments;
const sent = await until(async () => {
    const answer = await nobody.request('GET', shown.url.slice(BASE.length));
    return answer.status === 302 && answer;
}, 'the way to the CDN', 20);
check('readers are sent to the CDN', sent.location.startsWith(`${cdn}/files/`), sent.location);

const said = await deeplink('config', 'nginx');
check('nginx is told by the program', said.includes(`default " ${bucket} ${cdn}";`), said);
await finish();
