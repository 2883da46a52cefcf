import fc from 'fast-check'
import t from 'tap'
import { versionKey } from '../../../../src/core/catalog/version-key.ts'

function compareNumbers(left: readonly bigint[], right: readonly bigint[]): number {
  const at = left.findIndex((part, index) => part !== right[index])
  const [a, b] = [left[at], right[at]]
  if (a === undefined) return left.length === right.length ? 0 : -1
  return b === undefined || a > b ? 1 : -1
}

const compareTexts = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)

function keepsOrder(max: bigint): fc.IProperty<unknown> {
  const version = fc.array(fc.bigInt({ min: 0n, max }), { minLength: 1, maxLength: 5 })
  // Half of the second versions begin as the first one does: otherwise the first part decides nearly always.
  const pair = fc
    .tuple(version, version, fc.nat({ max: 5 }))
    .map(([left, right, common]) => [left, [...left.slice(0, common), ...right]] as const)
  return fc.property(fc.oneof(fc.tuple(version, version), pair), ([left, right]) => {
    const keys = [left, right].map((parts) => versionKey(parts.join('.')))
    return Math.sign(compareNumbers(left, right)) === compareTexts(keys[0] ?? '', keys[1] ?? '')
  })
}

t.test('keys of numeric dotted versions are in the order of the versions', async () => {
  fc.assert(keepsOrder(20n))
  fc.assert(keepsOrder(10n ** 12n - 1n))
})

t.test('numbers as long as a time stamp keep their order too', async () => {
  fc.assert(keepsOrder(10n ** 20n))
})

t.test('versions as packages write them are in the order of their age', async (t) => {
  const lines = [
    ['1.00', '1.50', '2.13', '3.08', '3.10', '10.01'],
    ['2.3.10.1101', '2.3.10.1102', '2.3.11', '2.10.1'],
    ['430-09.02.00.07', '430-10.01', '431-01'],
    ['23b.0', '24a.0', '24b.0', '24b.1'],
    ['nos5.0.1', 'nos5.0.2', 'nos10.0.0']
  ]
  for (const line of lines) {
    const keys = line.map(versionKey)
    t.strictSame(keys.toSorted(), keys, line.join(' < '))
    t.equal(new Set(keys).size, keys.length)
  }
})

t.test('leading zeros and case make no difference', async (t) => {
  t.equal(versionKey('3.08'), versionKey('3.8'))
  t.equal(versionKey('000'), versionKey('0'))
  t.equal(versionKey('24A.0'), versionKey('24a.0'))
})

t.test('a version without digits is its own key, and an older one than any number after it', async (t) => {
  t.equal(versionKey(''), '')
  t.equal(versionKey('Beta'), 'beta')
  t.ok(versionKey('beta') < versionKey('beta1'))
})
