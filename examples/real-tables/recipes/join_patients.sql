SELECT measurements.*, patients.age, patients.sex
FROM measurements
LEFT JOIN patients USING (patient_id)
ORDER BY patient_id
