#!/usr/bin/env python3
"""Makes the files that tests of media upload: every type that is taken, and those that mean harm.

    media_corpus.py FOLDER

Pictures are drawn here, encoded by vips and ffmpeg; what these do not write is put together byte by byte.
"""
import os
import struct
import subprocess
import sys
import zlib

WIDTH, HEIGHT = 120, 80
RED, GREEN, BLUE, WHITE = b"\xe0\x10\x10", b"\x10\xc0\x10", b"\x10\x10\xe0", b"\xf8\xf8\xf8"
SECRET = b"N 52.5200 E 13.4050"


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ffmpeg(*argv):
    run("ffmpeg", "-v", "error", "-nostdin", "-y", *argv)


def ppm(path, width, height, rows):
    with open(path, "wb") as f:
        f.write(b"P6 %d %d 255\n" % (width, height) + b"".join(rows))


def quarters(path, scale=1):
    """Red and green above, blue and white below: where is up, and what is left, can be seen."""
    half = WIDTH * scale // 2
    above, below = RED * half + GREEN * half, BLUE * half + WHITE * half
    ppm(path, WIDTH * scale, HEIGHT * scale, [above] * (HEIGHT * scale // 2) + [below] * (HEIGHT * scale // 2))


def exif(orientation):
    """A TIFF directory with the orientation and a place on earth (Exif 2.3, 4.6)."""
    gps = struct.pack("<H", 2) + struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") \
        + struct.pack("<HHII", 2, 5, 3, 200) + struct.pack("<I", 0)
    first = struct.pack("<H", 3) + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) \
        + struct.pack("<HHII", 0x010e, 2, len(SECRET) + 1, 150) + struct.pack("<HHII", 0x8825, 4, 1, 60) + struct.pack("<I", 0)
    tiff = bytearray(b"II*\0" + struct.pack("<I", 8) + first)
    tiff = tiff.ljust(60, b"\0") + gps
    tiff = tiff.ljust(150, b"\0") + SECRET + b"\0"
    tiff = tiff.ljust(200, b"\0") + struct.pack("<IIIIII", 52, 1, 31, 1, 12, 1)
    body = b"Exif\0\0" + bytes(tiff)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def oriented(folder, n):
    """A picture that is upright once it has been turned as orientation n says."""
    steps = {1: [], 2: ["h"], 3: ["180"], 4: ["v"], 5: ["90", "h"], 6: ["270"], 7: ["270", "h"], 8: ["90"]}[n]
    at = f"{folder}/quarters.ppm"
    for i, step in enumerate(steps):
        to = f"{folder}/turned{i}.v"
        if step in "hv":
            run("vips", "flip", at, to, {"h": "horizontal", "v": "vertical"}[step])
        else:
            run("vips", "rot", at, to, "d" + step)
        at = to
    path = f"{folder}/exif{n}.jpg"
    run("vips", "copy", at, path + "[Q=95,strip,subsample-mode=off]")
    with open(path, "rb") as f:
        plain = f.read()
    with open(path, "wb") as f:
        f.write(plain[:2] + exif(n) + plain[2:])


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def bomb(path, side):
    """A few kilobytes that want to be side × side pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 1)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
                + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b""))


def write(path, text):
    with open(path, "wb") as f:
        f.write(text)


def cut(path, to, share):
    with open(path, "rb") as f:
        whole = f.read()
    write(to, whole[:int(len(whole) * share)])


def pictures(d):
    quarters(f"{d}/quarters.ppm")
    quarters(f"{d}/large.ppm", 25)
    for n in range(1, 9):
        oriented(d, n)
    run("vips", "copy", f"{d}/large.ppm", f"{d}/large.jpg[Q=90]")
    for name in ("png", "webp", "tiff"):
        run("vips", "copy", f"{d}/quarters.ppm", f"{d}/plain.{name}")
    for name, compression in (("avif", "av1"), ("heic", "hevc")):
        try:
            run("vips", "heifsave", f"{d}/quarters.ppm", f"{d}/plain.{name}", "--compression", compression, "--effort", "0")
        except subprocess.CalledProcessError:
            pass  # this library has no such encoder
    ffmpeg("-i", f"{d}/plain.png", f"{d}/plain.bmp")
    run("vips", "colourspace", f"{d}/quarters.ppm", f"{d}/cmyk.jpg[Q=95]", "cmyk")
    run("vips", "colourspace", f"{d}/quarters.ppm", f"{d}/deep.png", "rgb16")
    run("vips", "icc_transform", f"{d}/quarters.ppm", f"{d}/wide.png", "p3", "--input-profile", "srgb")
    run("vips", "colourspace", f"{d}/quarters.ppm", f"{d}/grey.png", "b-w")
    ffmpeg("-loop", "1", "-i", f"{d}/plain.png", "-t", "2", "-r", "10", f"{d}/moving.gif")
    run("vips", "copy", f"{d}/moving.gif[n=-1]", f"{d}/moving.webp")
    cut(f"{d}/large.jpg", f"{d}/cut.jpg", 0.5)
    bomb(f"{d}/bomb.png", 20000)


def recordings(d):
    picture = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=4")
    tone = ("-f", "lavfi", "-i", "sine=d=4")
    h264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg(*picture, *tone, *h264, "-c:a", "aac", "-movflags", "+faststart", "-metadata", "location=" + SECRET.decode(), f"{d}/film.mp4")
    ffmpeg(*picture, *tone, *h264, "-c:a", "aac", f"{d}/film.mov")
    ffmpeg(*picture, *tone, *h264, "-c:a", "libopus", f"{d}/film.mkv")
    ffmpeg(*picture, *tone, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "16", "-c:a", "libvorbis", f"{d}/film.webm")
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x240:r=10:d=2[a];color=red:s=320x240:r=10:d=8[b];[a][b]concat",
           *h264, f"{d}/dark.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=128x96:r=5:d=70", *h264, f"{d}/long.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=1280x720:r=5:d=70", "-f", "lavfi", "-i", "sine=d=70", *h264, "-c:a", "aac", f"{d}/long_large.mp4")
    # Takes a while to transcode, for whoever is to be killed at it.
    for name, transfer in ("pq", "smpte2084"), ("hlg", "arib-std-b67"):
        ffmpeg("-loop", "1", "-i", f"{d}/plain.png", "-t", "1", "-r", "10", "-vf",
               f"zscale=tin=iec61966-2-1:pin=bt709:min=gbr:t={transfer}:p=bt2020:m=bt2020nc:r=tv:npl=203,format=yuv420p10le",
               "-c:v", "libx265", "-x265-params", "log-level=none", f"{d}/{name}.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=12", "-c:v", "mpeg4", "-q:v", "8", f"{d}/slow.mp4")
    for name in ("mp3", "wav", "ogg", "flac", "m4a", "aac"):
        ffmpeg(*tone, f"{d}/tone.{name}")
    ffmpeg("-i", f"{d}/tone.mp3", "-i", f"{d}/plain.png", "-map", "0", "-map", "1", "-c:a", "copy",
           "-c:v", "png", "-disposition:v", "attached_pic", f"{d}/cover.mp3")
    cut(f"{d}/film.mp4", f"{d}/cut.mp4", 0.5)
    cut(f"{d}/film.mov", f"{d}/cut.mov", 0.5)


def pdf(d):
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 5 0 R>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>",
               b"<</Length 29>>stream\n1 0 0 rg 0 0 200 100 re f    \nendstream"]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for i, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % i + body + b"endobj\n"
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    out += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    write(f"{d}/pages.pdf", bytes(out))
    write(f"{d}/cut.pdf", b"%PDF-1.4\nnothing at all\n")


def hostile(d):
    write(f"{d}/script.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    write(f"{d}/page.jpg", b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>")
    write(f"{d}/endless.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXTINF:9,\nhttp://127.0.0.1/\n")
    write(f"{d}/words.txt", b"Only words.\n")


def main():
    d = sys.argv[1]
    os.makedirs(d, exist_ok=True)
    pictures(d)
    recordings(d)
    pdf(d)
    hostile(d)


main()
