SELECT
    transactions.transaction_id,
    transactions.authorized_flag,
    transactions.purchase_date,
    transactions.card_id,
    transactions.merchant_id,
    transactions.merchant_category_id,
    transactions.item_category,
    transactions.purchase_amount,
    transactions.signature_provided,
    merchant_info.subsector_description AS merchant_subsector_description,
    merchant_info.state AS merchant_state,
    cardholder_info.reward_program AS card_reward_program,
    cardholder_info.fico_score AS card_fico_score,
    cardholder_info.age AS card_age
FROM (
    SELECT * FROM transactions
    UNION ALL
    -- What was new once and is not any more. At first there is none.
    SELECT * FROM new_transactions WHERE purchase_date < ${new_from}
) AS transactions
LEFT JOIN merchant_info USING (merchant_id)
LEFT JOIN cardholder_info ON cardholder_info.internal_card_mapping = transactions.card_id
ORDER BY transactions.transaction_id
