import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { UnsafePathError } from '../../../../src/core/storage/relative-path.ts'
import { isInside, openInside, resolveInside } from '../../../../src/storage/disk/safe-path.ts'
import { openFilesBelow } from '../../../support/open-files.ts'

/** A root, and a sibling whose name has the same prefix. */
function setUp(t: Test): { root: string; outside: string } {
  const directory = fs.realpathSync(
    t.testdir({
      depot: { 'plain.bin': 'plain', sub: { 'deep.bin': 'deep' } },
      'depot-2': { 'secret.bin': 'secret' }
    })
  )
  return { root: path.join(directory, 'depot'), outside: path.join(directory, 'depot-2') }
}

function read(root: string, name: string): string {
  const { fd, stat } = openInside(root, name)
  try {
    const content = fs.readFileSync(fd, 'utf8')
    return content.length === Number(stat.size) ? content : `${content} but ${stat.size}`
  } finally {
    fs.closeSync(fd)
  }
}

t.test('a name becomes a path below the root', async (t) => {
  t.equal(resolveInside('/srv/depot', 'a/./b//c.bin'), '/srv/depot/a/b/c.bin')
  for (const name of ['', '.', '..', 'a/../../b', '/etc/hosts', 'a\\b', 'C:/x', 'a\0b', 'a\nb', '\ud800', 'a\ufffd']) {
    t.throws(() => resolveInside('/srv/depot', name), UnsafePathError, JSON.stringify(name))
  }
})

t.test('files below the root are opened, also through links that stay inside', async (t) => {
  const { root } = setUp(t)
  fs.symlinkSync('sub/deep.bin', path.join(root, 'relative-link'))
  fs.symlinkSync(path.join(root, 'plain.bin'), path.join(root, 'sub/absolute-link'))
  fs.symlinkSync('sub', path.join(root, 'linked-directory'))
  fs.symlinkSync('relative-link', path.join(root, 'link-to-link'))
  t.equal(read(root, 'plain.bin'), 'plain')
  t.equal(read(root, './sub/deep.bin'), 'deep')
  t.equal(read(root, 'relative-link'), 'deep')
  t.equal(read(root, 'sub/absolute-link'), 'plain')
  t.equal(read(root, 'linked-directory/deep.bin'), 'deep')
  t.equal(read(root, 'link-to-link'), 'deep')
})

t.test('links that lead outside are refused, and no descriptor stays open', async (t) => {
  const { root, outside } = setUp(t)
  fs.symlinkSync(path.join(outside, 'secret.bin'), path.join(root, 'absolute'))
  fs.symlinkSync('../depot-2/secret.bin', path.join(root, 'relative'))
  fs.symlinkSync(outside, path.join(root, 'directory'))
  fs.symlinkSync('absolute', path.join(root, 'in-two-steps'))
  fs.symlinkSync('/dev/zero', path.join(root, 'device'))
  for (const name of [
    'absolute',
    'relative',
    'directory/secret.bin',
    'in-two-steps',
    'device',
    '../depot-2/secret.bin'
  ]) {
    t.throws(() => openInside(root, name), UnsafePathError, name)
  }
  t.same(openFilesBelow(path.dirname(root)), [])
})

t.test('anything but a regular file is refused', async (t) => {
  const { root } = setUp(t)
  execFileSync('mkfifo', [path.join(root, 'fifo')])
  fs.symlinkSync('fifo', path.join(root, 'link-to-fifo'))
  fs.symlinkSync('.', path.join(root, 'link-to-root'))
  for (const name of ['sub', 'fifo', 'link-to-fifo', 'link-to-root']) {
    t.throws(() => openInside(root, name), UnsafePathError, name)
  }
  t.same(openFilesBelow(root), [])
})

t.test("a missing file is the system's error", async (t) => {
  const { root } = setUp(t)
  fs.symlinkSync('nowhere', path.join(root, 'broken'))
  fs.symlinkSync('loop', path.join(root, 'loop'))
  t.throws(() => openInside(root, 'absent.bin'), { code: 'ENOENT' })
  t.throws(() => openInside(root, 'broken'), { code: 'ENOENT' })
  t.throws(() => openInside(root, 'loop'), { code: 'ELOOP' })
  t.throws(() => openInside(root, 'plain.bin/below'), { code: 'ENOTDIR' })
})

t.test('a path is inside if it is the root or below it', async (t) => {
  t.ok(isInside('/srv/depot', '/srv/depot'))
  t.ok(isInside('/srv/depot', '/srv/depot/a'))
  t.ok(isInside('/', '/etc'))
  t.notOk(isInside('/srv/depot', '/srv/depot-2/a'))
  t.notOk(isInside('/srv/depot', '/srv'))
})
