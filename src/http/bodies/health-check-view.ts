/** The checks of the depot, as `/health/ready` and `/api/v1/status` show them. */
import { Type } from 'typebox'
import type { HealthCheck } from '../../core/tasks/statistics.ts'

export const HealthCheckView = Type.Object(
  {
    name: Type.String({
      description: '`database`, `repository`, `space` or `worker`; `closing` while the server stops.'
    }),
    isHealthy: Type.Boolean(),
    reason: Type.String({ description: 'A sentence; empty when healthy.' })
  },
  { title: 'HealthCheck' }
)

/** `ready` when all checks are healthy. */
export function readinessView(checks: readonly HealthCheck[]) {
  return {
    status: checks.every((check) => check.isHealthy) ? 'ready' : 'not ready',
    checks: checks.map(({ name, isHealthy, reason }) => ({ name, isHealthy, reason }))
  }
}
