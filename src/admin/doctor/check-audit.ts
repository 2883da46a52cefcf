import { verifyChain } from '../../core/accounts/audit-chain.ts'
import type { AuditInspection } from '../../store/accounts/audit-store.ts'
import type { Findings } from './findings.ts'

/** Whether the audit trail is what was written, and still protected. */
export async function checkAudit(store: AuditInspection, findings: Pick<Findings, 'report'>): Promise<void> {
  const { flaw } = await verifyChain(store.records(), { hasHash: store.hasHash })
  if (flaw !== undefined) findings.report('database', `The audit trail is not what was written. ${flaw.sentence}`)
  await checkProtection(store, (sentence) => findings.report('database', sentence))
}

/**
 * Rows of the trail are kept from being changed by triggers, which only somebody with another program can take away.
 */
export async function checkProtection(store: AuditInspection, report: (sentence: string) => void): Promise<void> {
  const missing = await store.missingTriggers()
  if (missing.length > 0) report(`The audit trail is not protected: the triggers ${missing.join(', ')} are missing.`)
}
