{{ consent_decisions(ref('person_contacts')) }}
