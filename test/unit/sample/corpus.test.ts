import t from 'tap'
import { parseCorpus, sizeCorpus } from '../../../sample/corpus.ts'
import { planRepository } from '../../../sample/plan/plan.ts'
import { countClasses, fitSizes } from '../../../sample/size-classes.ts'

t.test('sizes are parsed with and without units', async (t) => {
  const bytes = (text: string) => parseCorpus(text).targetBytes
  t.equal(bytes('200MB'), 200_000_000)
  t.equal(bytes('2.5 gb'), 2_500_000_000)
  t.equal(bytes('700000'), 700_000)
  t.equal(parseCorpus('typical').packages, 1340)
  for (const text of ['', 'huge', '-5MB', '5TB', 'MB']) t.throws(() => parseCorpus(text), /is no size/, text)
})

t.test('the size classes have their shares, and add up to all packages', async (t) => {
  t.same([...countClasses(1340, 25.1e9).values()], [335, 536, 268, 147, 47, 7])
  t.same([...countClasses(96, 2.06e9).values()], [24, 38, 19, 11, 3, 1])
  t.notOk(countClasses(72, 200e6).has('XXL'))
  t.equal(
    countClasses(71, 2e6)
      .values()
      .reduce((sum, count) => sum + count, 0),
    71
  )
})

t.test('fitted sizes have the requested sum and keep their order', async (t) => {
  const sizes = [10_000, 200_000, 3_000_000, 20_000_000, 90_000_000, 200_000_000]
  for (const target of [100_000, 5_000_000, 80_000_000, 313_210_000, 330_000_000]) {
    const fit = fitSizes(sizes, target)
    const fitted = sizes.map(fit)
    const sum = fitted.reduce((total, size) => total + size, 0)
    t.ok(Math.abs(sum / target - 1) < 0.001, `${sum} for ${target}`)
    t.same(
      fitted,
      fitted.toSorted((a, b) => a - b)
    )
  }
})

t.test('a typical corpus has the counts that benchmarks depend on', async (t) => {
  const plan = planRepository(sizeCorpus(parseCorpus('typical')), 1, true)
  t.equal(plan.packages.length, 1340)
  t.equal(plan.systemPacks.length, 40)
  t.ok(plan.systemPacks.every(({ members }) => members.length >= 6 && members.length <= 14))
  t.equal(plan.bundle.components.length, 305)
  t.equal(plan.bundle.parents.length, 22)
  t.equal(new Set(plan.bundle.components.map(({ payload }) => payload)).size, 253)
  t.equal(plan.packages.filter(({ downloaded }) => !downloaded).length, 67)
  t.equal(plan.packages.filter(({ sizeError }) => sizeError !== 0).length, 40)
  t.equal(new Set(plan.packages.map(({ fixid }) => fixid.toLowerCase())).size, 1340)
  t.ok(Math.max(...plan.packages.map(({ size }) => size)) > 600_000_000)
})
