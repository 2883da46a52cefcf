import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const MAIN = join(import.meta.dirname, '../../../sample/main.ts')

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { env: { ...process.env, ...env } },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr })
    )
  })
}

t.test('a run prints one line about what it wrote', async (t) => {
  const root = t.testdir()
  const directory = join(root, 'repository')
  const { code, stdout } = await run(['--size', '600KB', '--no-defects'], { FIXDEPOT_REPOSITORY_DIR: directory })
  t.equal(code, 0)
  t.match(
    stdout,
    /^\S+repository: [\d,]+ packages, [\d,]+ files, [\d,]+ bytes in [\d.]+ s; manifest in .+corpus\.json\n$/
  )
  t.same((await readdir(root)).sort(), ['repository', 'repository.corpus.json'])
})

t.test('impossible options are refused with a sentence', async (t) => {
  const directory = t.testdir({ precious: 'firmware' })
  const refusals: readonly (readonly [string[], RegExp])[] = [
    [['--out', directory], /is not empty; a sample repository is only written into an empty directory\.\n$/],
    [['--size', 'huge'], /"huge" is no size/],
    [['--seed', 'lucky'], /"lucky" is no seed/],
    [['--from', join(directory, 'absent'), '--out', `${directory}/new`], /seed file .+absent cannot be read/],
    [['--colour'], /Unknown option/]
  ]
  const outcomes = await Promise.all(refusals.map(([args]) => run(args, { FIXDEPOT_REPOSITORY_DIR: directory })))
  for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, refusals[index]?.[1])
    t.notMatch(stderr, '    at ')
  }
  t.ok((await readdir(directory)).includes('precious'))
})

t.test('help names every option', async (t) => {
  const { code, stdout } = await run(['--help'])
  t.equal(code, 0)
  for (const option of ['--out', '--size', '--seed', '--from', '--no-defects']) t.match(stdout, option)
})
