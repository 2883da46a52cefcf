import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { recoverStagedDeletions, stageDeletion } from '../../../../src/storage/disk/staged-deletion.ts'

function prepare(t: Test) {
  const outer = t.testdir({ repository: { 'a.bin': 'a', deep: { 'b.bin': 'b' } }, outside: { 'c.bin': 'c' } })
  const root = path.join(outer, 'repository')
  const all = () =>
    fs
      .readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .sort()
  return { outer, root, all }
}

t.test('staged files are restored by a rollback, and removed by a commit', async (t) => {
  const { root, all } = prepare(t)
  const names = ['a.bin', 'deep/b.bin', 'not-there.bin', 'a.bin/not-there']
  const deletion = stageDeletion(root, names)
  t.ok(all().every((name) => name.startsWith('.fixdepot-deleted-')))
  deletion.rollback()
  t.same(all(), ['a.bin', 'deep/b.bin'])
  stageDeletion(root, names).commit()
  t.same(fs.readdirSync(root), [], 'with the directories that are empty now')
})

t.test('an unsafe name moves nothing', async (t) => {
  const { root, all } = prepare(t)
  for (const name of ['../outside/c.bin', '/etc/passwd', 'deep/../../outside/c.bin']) {
    t.throws(() => stageDeletion(root, ['a.bin', name]), { name: 'UnsafePathError' })
    t.same(all(), ['a.bin', 'deep/b.bin'])
  }
})

t.test('a directory that has become a link out of the repository is left alone', async (t) => {
  const { outer, root, all } = prepare(t)
  fs.symlinkSync(path.join(outer, 'outside'), path.join(root, 'link'))
  stageDeletion(root, ['link/c.bin']).commit()
  t.ok(fs.existsSync(path.join(outer, 'outside/c.bin')))
  t.same(all(), ['a.bin', 'deep/b.bin', 'link', 'link/c.bin'])
})

t.test('a directory in place of a file is left alone with its content', async (t) => {
  const { root, all } = prepare(t)
  fs.mkdirSync(path.join(root, 'empty'))
  stageDeletion(root, ['deep', 'empty', 'a.bin']).commit()
  t.same(all(), ['deep/b.bin'])
  t.same(fs.readdirSync(root).sort(), ['deep', 'empty'])
})

t.test('after a crash, files that the catalog still contains are restored, and the others are removed', async (t) => {
  const { root, all } = prepare(t)
  stageDeletion(root, ['a.bin', 'deep/b.bin'])
  await recoverStagedDeletions(root, async (paths) => {
    t.same([...paths].sort(), ['a.bin', 'deep/b.bin'])
    return new Set(['deep/b.bin'])
  })
  t.same(all(), ['deep/b.bin'])
  await recoverStagedDeletions(root, async () => {
    throw new Error('Nothing is left to recover')
  })
})
