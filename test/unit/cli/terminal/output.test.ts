import t from 'tap'
import {
  factLines,
  humanDuration,
  humanSize,
  humanTime,
  printable,
  tableLines
} from '../../../../src/cli/terminal/output.ts'
import { createProgressBar } from '../../../../src/cli/terminal/progress-bar.ts'

t.test('sizes, durations and times have a readable form', async (t) => {
  const sizes = [0, 999, 1000, 1_250, 9_960, 999_499, 999_600, 1_500_000, 25_100_000_000, 2e15].map(humanSize)
  t.same(sizes, ['0 B', '999 B', '1.0 kB', '1.3 kB', '10 kB', '999 kB', '1.0 MB', '1.5 MB', '25 GB', '2.0 PB'])
  t.same([0, 0.2, 65, 3_599.5, 7_384].map(humanDuration), ['0:00', '0:01', '1:05', '1:00:00', '2:03:04'])
  t.match(humanTime('2026-01-05T09:30:00.000Z'), /^2026-01-0\d \d\d:\d\d:00$/)
  t.equal(humanTime(null), '')
})

t.test('columns are as wide as their cells, and keep their widths on the next page', async (t) => {
  const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' }] as const
  const widths: number[] = []
  t.same(tableLines(columns, [['longer', '1']], widths), ['NAME    SIZE', 'longer     1'])
  t.same(tableLines(columns, [['b', '12345']], widths), ['b       12345'])
  t.same(tableLines(columns, []), ['NAME  SIZE'])
  t.same(
    factLines([
      ['A', '1'],
      ['Long', ''],
      ['Bc', '2']
    ]),
    ['A   1', 'Bc  2']
  )
})

t.test('characters that move the cursor or reverse text are replaced', async (t) => {
  t.equal(printable('a\u001b[2Jb\u202ec\r\nd\u009b'), 'a\ufffd[2Jb\ufffdc\ufffd\ufffdd\ufffd')
  t.equal(printable('Zubehör 固件'), 'Zubehör 固件')
})

/** A bar whose clock the test sets. */
function makeBar(isTTY: boolean, columns = 200) {
  let time = 0
  const written: string[] = []
  const output = { isTTY, columns, write: (text: string) => written.push(text) }
  const bar = createProgressBar('Packing', { output, now: () => time })
  return {
    written,
    end: () => bar.end(),
    at(milliseconds: number, done: number, total: number) {
      time = milliseconds
      bar.update(done, total)
    }
  }
}

t.test('a bar shows share, rate and time left, and is not drawn too often', async (t) => {
  const bar = makeBar(true)
  bar.at(0, 0, 10_000_000)
  bar.at(100, 500_000, 10_000_000)
  bar.at(1000, 5_000_000, 10_000_000)
  t.equal(bar.written.length, 2)
  t.equal(bar.written[0], `\rPacking ${'░'.repeat(24)}   0 %  0 B of 10 MB\u001b[K`)
  t.match(bar.written[1], /^\rPacking █{12}░{12} {2}50 % {2}5\.0 MB of 10 MB {2}5\.0 MB\/s {2}0:01 left/)
  bar.at(2000, 10_000_000, 10_000_000)
  bar.end()
  t.equal(bar.written.at(-1), '\rPacking 10 MB of 10 MB in 0:02, 5.0 MB/s\u001b[K\n')
})

t.test('a bar is never wider than the terminal', async (t) => {
  const bar = makeBar(true, 20)
  bar.at(0, 1, 3)
  t.equal(bar.written[0], `\r${'Packing ████████░░░'}\u001b[K`)
})

t.test('without a terminal, one line at the end has the rate without the bytes from before', async (t) => {
  const bar = makeBar(false)
  bar.at(0, 8_000_000, 10_000_000)
  bar.at(2000, 10_000_000, 10_000_000)
  t.same(bar.written, [])
  bar.end()
  t.same(bar.written, ['Packing 10 MB of 10 MB in 0:02, 1.0 MB/s\n'])
  const unused = makeBar(false)
  unused.end()
  t.same(unused.written, [])
})
